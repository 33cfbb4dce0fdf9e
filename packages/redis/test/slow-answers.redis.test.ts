import type { CacheError } from 'tierwise';
import { expect, inject, test } from 'vitest';
import { FaultProxy } from '../../testing/src/proxy/fault-proxy.ts';
import { openCache, openReady, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

const MEGABYTE = 1024 * 1024;

async function openProxy(): Promise<FaultProxy> {
  const { hostname, port } = new URL(inject('redisUrl'));
  return FaultProxy.start({ target: { host: hostname, port: Number(port) } });
}

test('an answer that takes longer than the deadline is waited for while it keeps coming', async () => {
  const name = uniqueName();
  const near = await openReady({ name, maxValueBytes: 16 * MEGABYTE });
  await using proxy = await openProxy();
  const url = `redis://127.0.0.1:${proxy.port}`;
  const far = await openReady({ name, maxValueBytes: 16 * MEGABYTE }, { url, commandTimeout: '2s' });
  const large = 'x'.repeat(6 * MEGABYTE);
  await near.set('k', large);
  const errors: CacheError[] = [];
  far.on('error', (error) => errors.push(error));
  // The answer alone takes four seconds, two deadlines.
  proxy.slow({ bytesPerSecond: 1.5 * MEGABYTE });

  expect(await far.get('k')).toBe(large);
  expect(errors).toEqual([]);
});

test('one that only trickles ends the connection, and the loader answers', async () => {
  const name = uniqueName();
  const near = await openReady({ name, maxValueBytes: 16 * MEGABYTE });
  await using proxy = await openProxy();
  const url = `redis://127.0.0.1:${proxy.port}`;
  const far = await openReady({ name, maxValueBytes: 16 * MEGABYTE }, { url, commandTimeout: '300ms' });
  await near.set('k', 'x'.repeat(6 * MEGABYTE));
  const errors: CacheError[] = [];
  far.on('error', (error) => errors.push(error));
  proxy.slow({ bytesPerSecond: 20_000 });

  expect(await far.getOrSet('k', () => 'loaded')).toBe('loaded');
  await eventually(() => errors.map(({ code }) => code)).toContain('REMOTE_TIMEOUT');
  proxy.resume();
  await eventually(() => far.health().state).toBe('coherent');
});

test('a server that is not there is named as the cause', async () => {
  const cache = openCache({ name: uniqueName() }, { url: 'redis://127.0.0.1:1' });
  const errors: CacheError[] = [];
  cache.on('error', (error) => errors.push(error));
  expect((await cache.ready()).state).toBe('offline');
  expect(errors[0]).toMatchObject({ code: 'REMOTE_UNAVAILABLE', cause: { code: 'ECONNREFUSED' } });
});
