import { describe, expect, it } from 'vitest';
import { memcached } from '../src/index.ts';
import { type MemcachedOptions, resolveMemcachedOptions } from '../src/options.ts';

function refusal(options: unknown): { code: string; message: string } {
  try {
    memcached(options as MemcachedOptions);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
  throw new Error('was not refused');
}

describe('the options of memcached()', () => {
  it('name servers by host and port, the port 11211 where it is left out', () => {
    const { addresses } = resolveMemcachedOptions({ servers: 'one:11212, Two ,[::1]:11213' });
    expect(addresses).toEqual([
      { host: 'one', port: 11_212, text: 'one:11212' },
      { host: 'Two', port: 11_211, text: 'two:11211' },
      { host: '::1', port: 11_213, text: '::1:11213' },
    ]);
  });

  it('have defaults', () => {
    expect(resolveMemcachedOptions({ servers: 'one' })).toMatchObject({ deadlineMs: 500, maxItemBytes: 1_048_576 });
    expect(resolveMemcachedOptions({ servers: 'one', commandTimeout: '2s' }).deadlineMs).toBe(2_000);
  });

  it.each([
    ['no options at all', undefined],
    ['no servers', {}],
    ['empty servers', { servers: ' ' }],
    ['an empty server', { servers: 'one,,two' }],
    ['a port that is none', { servers: 'one:65536' }],
    ['port 0', { servers: 'one:0' }],
    ['credentials in the address', { servers: 'user:password@one:11211' }],
    ['a URL', { servers: 'memcached://one:11211' }],
    ['a server twice', { servers: 'one:11211,ONE' }],
    ['a user without a password', { servers: 'one', username: 'u' }],
    ['a deadline too short', { servers: 'one', commandTimeout: 9 }],
    ['items too small', { servers: 'one', maxItemBytes: 1_000 }],
    ['an unknown option', { servers: 'one', retries: 3 }],
  ])('refuse %s', (_, options) => {
    expect(refusal(options).code).toBe('INVALID_OPTIONS');
  });

  it('never repeat credentials in a message', () => {
    expect(refusal({ servers: 'user:secret@one' }).message).not.toContain('secret');
  });
});
