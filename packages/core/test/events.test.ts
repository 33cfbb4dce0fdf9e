import { describe, expect, test } from 'vitest';
import { CacheError } from '../src/errors.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance, startInstance } from './support/instances.ts';
import { unhandledDuring } from './support/unhandled.ts';

describe('a listener', () => {
  test('that throws is counted and disturbs neither the operation nor the other listeners', async () => {
    const { cache, remote } = await openInstance();
    const heard: string[] = [];
    cache.on('undelivered', () => {
      throw new Error('listener');
    });
    cache.on('undelivered', () => heard.push('second'));
    remote.disconnect();
    expect(await cache.delete('k')).toEqual({ delivered: false });
    expect(heard).toEqual(['second']);
    expect(cache.stats().listenerErrors).toBe(1);
  });

  test('that rejects is counted and not an unhandled rejection', async () => {
    const unhandled = await unhandledDuring(async () => {
      const { cache, remote } = await openInstance();
      const rejecting: () => unknown = () => Promise.reject(new Error('listener'));
      cache.on('undelivered', rejecting);
      remote.disconnect();
      await cache.delete('k');
      await settled();
      expect(cache.stats().listenerErrors).toBe(1);
    });
    expect(unhandled).toEqual([]);
  });

  test('hears no more once it was removed, also from within', async () => {
    const { cache, remote } = await openInstance();
    let heard = 0;
    const off = cache.on('undelivered', () => {
      heard++;
      off();
    });
    remote.disconnect();
    await cache.delete('a');
    await cache.delete('b');
    off();
    expect(heard).toBe(1);
  });

  test('may call the cache', async () => {
    const { cache, remote } = await openInstance();
    const journaled: number[] = [];
    cache.on('undelivered', () => {
      journaled.push(cache.health().journaled);
      void cache.get('k');
    });
    remote.disconnect();
    await cache.delete('k');
    expect(journaled).toEqual([1]);
  });

  test('of an unknown event, or of another type, is refused', async () => {
    const { cache } = await openInstance();
    await expectCode('INVALID_OPTIONS', () => cache.on('nothing' as never, () => {}));
    await expectCode('INVALID_OPTIONS', () => cache.on('error', undefined as never));
    await expectCode('INVALID_OPTIONS', () => cache.on('error', 5 as never));
  });
});

test('an error of the remote is told, and needs no listener', async () => {
  const contexts: { onError(error: CacheError): void }[] = [];
  const instance = startInstance();
  const open = instance.remote.open.bind(instance.remote);
  const errors: CacheError[] = [];
  const { createCache } = await import('../src/index.ts');
  const cache = createCache({
    name: 'errors',
    ttl: '1s',
    memory: { maxEntries: 1 },
    remote: {
      name: 'noisy',
      open: (context) => {
        contexts.push(context);
        return open(context);
      },
    },
  });
  const error = new CacheError('REMOTE_REJECTED', 'no');
  expect(() => contexts[0]?.onError(error)).not.toThrow();
  cache.on('error', (event) => errors.push(event));
  contexts[0]?.onError(error);
  expect(errors).toMatchObject([{ code: 'REMOTE_REJECTED', message: 'no', facts: { store: 'remote' } }]);
  await cache.close();
});

test('a failure that several calls share is one error, however often it is told', async () => {
  const { cache, remote } = await openInstance();
  const errors: CacheError[] = [];
  cache.on('error', (error) => errors.push(error));
  remote.set.fail('request', 'REMOTE_REJECTED');
  await Promise.all(['a', 'b', 'c'].map((key) => cache.set(key, 1)));
  remote.set.pass();
  await settled();
  expect(errors.length).toBeGreaterThan(1);
  expect(new Set(errors).size).toBe(1);
  expect(errors[0]?.facts).toEqual({ store: 'remote' });
});

test('the first connection is told as a resync and as coherent', async () => {
  const { cache } = startInstance();
  const heard: string[] = [];
  cache.on('resync', ({ partition }) => heard.push(`resync ${partition}`));
  cache.on('coherent', ({ state }) => heard.push(state));
  await cache.ready();
  expect(heard).toEqual(['resync 0', 'coherent']);
});
