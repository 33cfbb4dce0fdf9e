import { promiseHooks } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { openInstance, openInstances } from './support/instances.ts';

/** Promises made while `call` runs, those that only its reactions make left out. */
function promisesMadeBy(call: () => unknown): number {
  let made = 0;
  const stop = promiseHooks.onInit(() => {
    made++;
  });
  try {
    call();
  } finally {
    stop();
  }
  return made;
}

describe('a hit in memory', () => {
  test('that is asked for synchronously makes no promise', async () => {
    const { cache } = await openInstance();
    await cache.set('k', 'v');
    expect(promisesMadeBy(() => expect(cache.peek('k')).toBe('v'))).toBe(0);
  });

  test('that is awaited makes one promise, and all from the second on get the same', async () => {
    const { cache } = await openInstance();
    await cache.set('k', 'v');
    expect(promisesMadeBy(() => cache.get('k'))).toBe(1);
    expect(promisesMadeBy(() => cache.get('k'))).toBe(1);
    expect(promisesMadeBy(() => cache.get('k'))).toBe(0);
    expect(promisesMadeBy(() => cache.getOrSet('k', () => 'other'))).toBe(0);
    expect(promisesMadeBy(() => cache.getOrSet('k', () => 'other', { ttl: '1m', tags: ['t'] }))).toBe(0);
  });

  test('asks neither store nor coordinator nor loader', async () => {
    const { cache, remote } = await openInstance();
    await cache.setMany([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ]);
    remote.log.length = 0;
    cache.peek('a');
    await cache.get('a');
    await cache.entry('a');
    await cache.getMany(['a', 'b']);
    await cache.getOrSet('a', () => {
      throw new Error('loaded what memory holds');
    });
    expect(remote.log).toEqual([]);
  });

  test('starts no timer and ends none', async () => {
    const { cache, clock } = await openInstance();
    await cache.set('k', 'v');
    const before = clock.timers;
    await cache.get('k');
    await cache.getOrSet('k', () => 'other', { loadTimeout: '1s' });
    expect(clock.timers).toBe(before);
  });
});

describe('a read of the shared layer', () => {
  test('makes one promise a key, besides those of its tick', async () => {
    const [writer, reader] = await openInstances(2);
    for (const key of ['first', 'k', 'l']) await writer.cache.set(key, { key });
    const first = reader.cache.get('first');
    expect(promisesMadeBy(() => reader.cache.get('k'))).toBe(1);
    const last = reader.cache.get('k');
    expect([await first, await last]).toEqual([{ key: 'first' }, { key: 'k' }]);
  });

  test('of many keys makes as many promises for three as for one', async () => {
    const [writer, reader] = await openInstances(2);
    for (const key of ['first', 'a', 'b', 'c', 'd']) await writer.cache.set(key, key);
    const first = reader.cache.get('first');
    const ofOne = promisesMadeBy(() => reader.cache.getMany(['a']));
    expect(promisesMadeBy(() => reader.cache.getMany(['b', 'c', 'd']))).toBe(ofOne);
    expect(await first).toBe('first');
    expect(await reader.cache.getMany(['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', 'd']);
  });
});

test('a set makes one promise, and the first of a tick those that end the tick', async () => {
  const { cache } = await openInstance();
  const first = cache.set('first', 1);
  expect(promisesMadeBy(() => cache.set('k', { a: [1] }))).toBe(1);
  expect(promisesMadeBy(() => cache.set('l', 'v', { ttl: '1m', tags: ['t'], version: 1 }))).toBe(1);
  await first;
  expect(cache.peek('l')).toBe('v');
});

test('1,000 callers of one cold key load it once, read the shared layer once and fill it once', async () => {
  const { cache, remote } = await openInstance();
  let loads = 0;
  const load = async (): Promise<string> => {
    loads++;
    return 'v';
  };
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => cache.getOrSet('cold', load)));
  await cache.close();
  expect(new Set(answers)).toEqual(new Set(['v']));
  expect(loads).toBe(1);
  expect(remote.log.filter(({ call }) => call === 'read')).toEqual([{ call: 'read', keys: ['cold'] }]);
  expect(remote.log.filter(({ call }) => call === 'fill')).toHaveLength(1);
});
