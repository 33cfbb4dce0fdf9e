import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { openInstance, openInstances } from './support/instances.ts';

const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);

describe('reads of one tick', () => {
  test('are one read of the shared layer, whatever method asks', async () => {
    const { cache, remote } = await openInstance();
    await Promise.all([
      cache.get('a'),
      cache.getMany(['b', 'c']),
      cache.entry('d'),
      cache.getOrSet('e', () => 1),
      (async () => {
        await Promise.resolve();
        await Promise.resolve();
        return cache.get('f');
      })(),
    ]);
    expect(remote.log.filter(({ call }) => call === 'read')).toEqual([
      { call: 'read', keys: ['a', 'b', 'c', 'd', 'e', 'f'] },
    ]);
  });

  test('ask for a key once', async () => {
    const { cache, remote } = await openInstance();
    await Promise.all([cache.get('a'), cache.get('a'), cache.getMany(['a', 'a', 'b'])]);
    expect(remote.log).toEqual([{ call: 'read', keys: ['a', 'b'] }]);
  });

  test('join a read of their key that is under way', async () => {
    const { cache, remote } = await openInstance();
    remote.read.hold();
    const first = cache.get('a');
    await settled();
    const second = cache.getMany(['a', 'b']);
    await settled();
    remote.read.release();
    await Promise.all([first, second]);
    expect(remote.log.map((entry) => entry.keys)).toEqual([['a'], ['b']]);
  });

  test('become several reads past maxBatch', async () => {
    const { cache, remote } = await openInstance({ remote: { maxBatch: 4 } });
    expect(await cache.getMany(keys(10))).toEqual(new Array(10).fill(undefined));
    expect(remote.log.map((entry) => entry.keys.length)).toEqual([4, 4, 2]);
  });

  test('share one tail when they need proof', async () => {
    const { cache, remote, clock } = await openInstance();
    clock.block(10_000);
    const tails = remote.tail.calls;
    await Promise.all(keys(100).map((key) => cache.get(key)));
    expect(remote.tail.calls - tails).toBe(1);
  });
});

describe('writes of one tick', () => {
  test('of one kind are one call', async () => {
    const { cache, remote } = await openInstance();
    await Promise.all([cache.set('a', 1), cache.setMany([{ key: 'b', value: 2 }]), cache.set('c', 3)]);
    expect(remote.log).toEqual([{ call: 'set', keys: ['a', 'b', 'c'] }]);
    await Promise.all([cache.delete('a'), cache.deleteMany(['b', 'c']), cache.invalidateTags(['t']), cache.clear()]);
    expect(remote.invalidations).toEqual([
      { keys: ['a', 'b', 'c'], tags: ['t'], prefixes: [], patterns: [], clear: true },
    ]);
  });

  test('are sent in the order they were made, without waiting for one another', async () => {
    const { cache, remote } = await openInstance();
    remote.set.hold('reply');
    const writes = [cache.set('a', 1), cache.delete('b'), cache.delete('c'), cache.set('d', 1)];
    await settled();
    expect(remote.log).toEqual([
      { call: 'set', keys: ['a'] },
      { call: 'invalidate', keys: ['b', 'c'] },
      { call: 'set', keys: ['d'] },
    ]);
    remote.set.release();
    await Promise.all(writes);
  });

  test('a delete after a set of the same key ends deleted', async () => {
    const [a, b] = await openInstances(2);
    await Promise.all([a.cache.set('k', 1), a.cache.delete('k')]);
    await settled();
    expect(a.cache.peek('k')).toBe(undefined);
    expect(a.hub.stored('k')).toBe(undefined);
    expect(await a.cache.get('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe(undefined);
  });

  test('a set after a delete of the same key is never answered from before the delete', async () => {
    const { cache } = await openInstance();
    await cache.set('k', 'old');
    const [, set] = await Promise.all([cache.delete('k'), cache.set('k', 'new')]);
    expect(await cache.get('k')).toBe(set.stored ? 'new' : undefined);
  });

  test('the last of several sets of one key wins', async () => {
    const { cache, remote } = await openInstance();
    const results = await Promise.all([cache.set('k', 1), cache.set('k', 2), cache.set('k', 3)]);
    expect(remote.log).toEqual([{ call: 'set', keys: ['k'] }]);
    expect(results.map(({ stored }) => stored)).toEqual([false, false, true]);
    expect(results.every(({ delivered }) => delivered)).toBe(true);
    expect(await cache.get('k')).toBe(3);
  });

  test('a long setMany is stored in full, part by part', async () => {
    const { cache, remote, hub } = await openInstance({ remote: { maxBatch: 10 }, memory: { maxEntries: 10_000 } });
    const items = keys(2_000).map((key, value) => ({ key, value }));
    const results = await cache.setMany(items);
    expect(results.filter(({ stored }) => !stored)).toEqual([]);
    expect(remote.log).toHaveLength(200);
    for (const { key, value } of items) {
      expect(cache.peek(key)).toBe(value);
      expect(hub.stored(key)).not.toBe(undefined);
    }
  });

  test('in a long setMany whose keys are repeated the last one wins', async () => {
    const { cache } = await openInstance({ remote: { maxBatch: 2 } });
    const items = ['a', 'b', 'a', 'c', 'a'].map((key, value) => ({ key, value }));
    await cache.setMany(items);
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([4, 1, 3]);
  });

  test('of another instance between the parts of a long setMany are noticed', async () => {
    const [a, b] = await openInstances(2, { remote: { maxBatch: 1 } });
    a.remote.isBusCut = true;
    a.remote.set.hold();
    const sets = a.cache.setMany([
      { key: 'x', value: 1 },
      { key: 'y', value: 1 },
    ]);
    await settled();
    await b.cache.delete('y');
    a.remote.set.pass();
    a.remote.set.release();
    expect((await sets)[1]).toEqual({ stored: false, outdated: false, delivered: true });
    expect(a.cache.peek('y')).toBe(undefined);
  });

  test('a long deleteMany deletes all', async () => {
    const { cache, remote, hub } = await openInstance({ remote: { maxBatch: 700 }, memory: { maxEntries: 10_000 } });
    await cache.setMany(keys(2_000).map((key, value) => ({ key, value })));
    const before = remote.invalidations.length;
    expect(await cache.deleteMany(keys(2_000))).toEqual({ delivered: true });
    const sent = remote.invalidations.slice(before);
    expect(sent.every((invalidation) => invalidation.keys.length <= 700)).toBe(true);
    for (const key of keys(2_000)) expect(hub.stored(key)).toBe(undefined);
  });

  test('fills of one tick are one call', async () => {
    const { cache, remote } = await openInstance();
    await Promise.all(keys(5).map((key) => cache.getOrSet(key, () => 1)));
    await settled();
    expect(remote.log.filter(({ call }) => call === 'fill')).toEqual([{ call: 'fill', keys: keys(5) }]);
  });

  test('large values do not become one huge call', async () => {
    const { cache, remote } = await openInstance();
    const megabyte = 'x'.repeat(1_000_000);
    await cache.setMany(keys(10).map((key) => ({ key, value: megabyte })));
    expect(remote.log.map((entry) => entry.keys.length)).toEqual([4, 4, 2]);
  });

  test('a failed part fails only what it carried', async () => {
    const { cache, remote } = await openInstance({ remote: { maxBatch: 1 } });
    remote.set.hold();
    const sets = cache.setMany(keys(2).map((key) => ({ key, value: 1 })));
    await settled();
    remote.set.timeOut();
    remote.set.pass();
    await settled();
    remote.set.release();
    expect(await sets).toEqual([
      { stored: false, outdated: false, delivered: false },
      { stored: true, outdated: false, delivered: true },
    ]);
  });
});
