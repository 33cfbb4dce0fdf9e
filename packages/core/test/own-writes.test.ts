import { describe, expect, test } from 'vitest';
import { fenceSlot } from '../src/coherence/slots.ts';
import { settled } from './support/fake-clock.ts';
import {
  BEAT_MS,
  ControlledLoader,
  expectIdle,
  type Instance,
  openInstance,
  openInstances,
  PAST_LEASE_MS,
  warm,
} from './support/instances.ts';

/** Another key in the fence slot of `key`. */
function neighbour(key: string): string {
  for (let i = 0; ; i++) if (fenceSlot(`n${i}`) === fenceSlot(key)) return `n${i}`;
}

const TAGS = { tags: ['t'] };
const WAYS: readonly [string, (instance: Instance) => Promise<unknown>][] = [
  ['delete', ({ cache }) => cache.delete('p:k')],
  ['deleteMany', ({ cache }) => cache.deleteMany(['p:k', 'other'])],
  ['invalidateTags', ({ cache }) => cache.invalidateTags(['t'])],
  ['invalidatePrefix', ({ cache }) => cache.invalidatePrefix('p:')],
  ['clear', ({ cache }) => cache.clear()],
];

test('a delete or set takes what it names out of memory at once', async () => {
  const [a] = await openInstances(2);
  await warm([a], 'k', 'old');
  await warm([a], 'l', 'old');
  const calls = [a.cache.delete('k'), a.cache.set('l', 'new')];
  expect(a.cache.peek('k')).toBe(undefined);
  expect(a.cache.peek('l')).toBe(undefined);
  await Promise.all(calls);
});

describe('once an own call has resolved, without a message of the bus', () => {
  for (const [name, invalidate] of WAYS) {
    test(`${name}: no own read is answered from before it`, async () => {
      const instance = await openInstance();
      const { cache, remote } = instance;
      await cache.getOrSet('p:k', () => 'old', TAGS);
      await settled();
      remote.isBusCut = true;
      expect(await invalidate(instance)).toEqual({ delivered: true });
      expect(cache.peek('p:k')).toBe(undefined);
      expect(await cache.get('p:k')).toBe(undefined);
      expect(await cache.getMany(['p:k'])).toEqual([undefined]);
      expect(await cache.entry('p:k')).toBe(undefined);
      expect(await cache.getOrSet('p:k', () => 'new', TAGS)).toBe('new');
      await settled();
      expect(cache.peek('p:k')).toBe('new');
      expectIdle(instance);
    });

    for (const tags of ['known tags', 'tags of the value'] as const) {
      test(`${name}: no own read joins a load that began before it, with ${tags}`, async () => {
        const instance = await openInstance();
        const { cache, remote } = instance;
        remote.isBusCut = true;
        const options = tags === 'known tags' ? TAGS : { valueTags: () => ['t'] };
        const loader = new ControlledLoader<string>();
        const early = cache.getOrSet('p:k', loader.load, options);
        await settled();
        await invalidate(instance);
        const late = cache.getOrSet('p:k', loader.load, options);
        await settled();
        expect(loader.calls).toBe(2);
        loader.answer('new', 1);
        expect(await late).toBe('new');
        loader.answer('old', 0);
        expect(await early).toBe('old');
        await settled();
        expect(cache.peek('p:k')).not.toBe('old');
        expect(await cache.get('p:k')).not.toBe('old');
        expectIdle(instance);
      });
    }

    test(`${name}: no own read joins a read of the shared layer that began before it`, async () => {
      const [a, b] = await openInstances(2);
      await b.cache.getOrSet('p:k', () => 'old', TAGS);
      await settled();
      a.remote.isBusCut = true;
      a.remote.read.hold('reply');
      const early = a.cache.get('p:k');
      await settled();
      await invalidate(a);
      a.remote.read.pass();
      const late = a.cache.get('p:k');
      await settled();
      a.remote.read.release();
      expect(await late).toBe(undefined);
      await early;
      expect(a.cache.peek('p:k')).toBe(undefined);
    });

    test(`${name}: undelivered, it binds own reads all the same`, async () => {
      const instance = await openInstance();
      const { cache, remote } = instance;
      await cache.getOrSet('p:k', () => 'old', TAGS);
      await settled();
      const loader = new ControlledLoader<string>();
      const running = cache.getOrSet('p:slow', loader.load, { valueTags: () => ['t'] });
      await settled();
      remote.invalidate.fail();
      expect(await invalidate(instance)).toEqual({ delivered: false });
      expect(cache.peek('p:k')).toBe(undefined);
      expect(await cache.get('p:k')).toBe(undefined);
      if (name !== 'delete' && name !== 'deleteMany') {
        const late = cache.getOrSet('p:slow', loader.load);
        await settled();
        expect(loader.calls).toBe(2);
        loader.answer('new', 1);
        expect(await late).toBe('new');
      }
      loader.answer('old', 0);
      await running;
      await settled();
      expectIdle(instance);
    });
  }

  for (const name of ['delete', 'deleteMany', 'set'] as const) {
    test(`${name}: undelivered, a load that began before it is not shared`, async () => {
      const instance = await openInstance();
      const { cache, remote } = instance;
      const loader = new ControlledLoader<string>();
      const early = cache.getOrSet('k', loader.load);
      await settled();
      remote.invalidate.fail();
      remote.set.fail();
      if (name === 'delete') await cache.delete('k');
      else if (name === 'deleteMany') await cache.deleteMany(['k']);
      else await cache.set('k', 'set');
      const late = cache.getOrSet('k', loader.load);
      await settled();
      expect(loader.calls).toBe(2);
      loader.answer('old', 0);
      loader.answer('new', 1);
      expect(await Promise.all([early, late])).toEqual(['old', 'new']);
      await settled();
      expectIdle(instance);
    });
  }

  test('a read of the shared layer is made anew, not shared with one from before', async () => {
    const [a, b] = await openInstances(2);
    a.remote.read.hold();
    const early = a.cache.get('k');
    await settled();
    await a.cache.delete('k');
    await settled();
    await b.cache.set('k', 'new');
    a.remote.read.pass();
    const late = a.cache.get('k');
    await settled();
    expect(await late).toBe('new');
    a.remote.read.release();
    await early;
    expectIdle(a, b);
  });

  test('set: own reads answer what was set', async () => {
    const instance = await openInstance();
    const { cache, remote } = instance;
    await cache.getOrSet('k', () => 'old');
    await settled();
    remote.isBusCut = true;
    expect(await cache.set('k', 'set')).toEqual({ stored: true, outdated: false, delivered: true });
    expect(cache.peek('k')).toBe('set');
    expect(await cache.get('k')).toBe('set');
    expectIdle(instance);
  });

  test('an invalidation while another instance loads does not come back with the fill of that load', async () => {
    const [a, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const slow = b.cache.getOrSet('k', loader.load, { valueTags: () => ['t'] });
    await settled();
    b.remote.isBusCut = true;
    await a.cache.invalidateTags(['t']);
    loader.answer('old');
    await slow;
    await settled();
    // The fill is stored, since no key was named; its lease makes it invalid for whoever knows the tag's version.
    expect(a.hub.stored('k')).not.toBe(undefined);
    expect(await a.cache.get('k')).toBe(undefined);
  });
});

describe('an invalidation of nothing', () => {
  test('of no tags, keys or items sends nothing and forgets nothing', async () => {
    const { cache, remote } = await openInstance();
    await cache.getOrSet('k', () => 1);
    await settled();
    const calls = remote.log.length;
    expect(await cache.invalidateTags([])).toEqual({ delivered: true });
    expect(await cache.deleteMany([])).toEqual({ delivered: true });
    expect(await cache.setMany([])).toEqual([]);
    expect(await cache.getMany([])).toEqual([]);
    await settled();
    expect(remote.log).toHaveLength(calls);
    expect(cache.peek('k')).toBe(1);
  });
});

describe('an instance that has answered from behind an event', () => {
  test('does not go back when its own older load ends', async () => {
    const [a, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const slow = a.cache.getOrSet('k', loader.load);
    await settled();
    a.remote.isBusCut = true;
    await a.clock.advance(1);
    await b.cache.set('k', 'new');
    // A reader of the shared layer sees the new value before the bus tells of it.
    expect(await a.cache.get('k')).toBe('new');
    loader.answer('old');
    expect(await slow).toBe('old');
    await settled();
    expect(a.cache.peek('k')).not.toBe('old');
    expect(await a.cache.getOrSet('k', () => 'newer')).not.toBe('old');
  });

  test('does not share a load from before what it has answered', async () => {
    const [a, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const slow = a.cache.getOrSet('k', loader.load);
    await settled();
    a.remote.isBusCut = true;
    await b.cache.set('k', 'new');
    expect(await a.cache.get('k')).toBe('new');
    await a.cache.delete('unrelated');
    const late = a.cache.getOrSet('k', loader.load);
    await settled();
    loader.answer('old');
    expect(await late).toBe('new');
    expect(await slow).toBe('old');
  });

  test('does not share a load from before what it has answered, though memory has dropped that again', async () => {
    const [a, b] = await openInstances(2, { memory: { maxEntries: 1 } });
    const loader = new ControlledLoader<string>();
    const slow = a.cache.getOrSet('k', loader.load);
    await settled();
    a.remote.isBusCut = true;
    await b.cache.set('k', 'new');
    expect(await a.cache.get('k')).toBe('new');
    await a.cache.getOrSet('other', () => 1);
    await settled();
    expect(a.cache.peek('k')).toBe(undefined);
    const late = a.cache.getOrSet('k', loader.load);
    await settled();
    loader.answer('old');
    expect(await late).toBe('new');
    expect(await slow).toBe('old');
  });

  test('does not go back to what memory held before a load whose value could be kept nowhere', async () => {
    const [a, b] = await openInstances(2);
    await warm([a], 'k', 'old');
    a.remote.isBusCut = true;
    a.remote.tail.fail();
    await a.clock.advance(PAST_LEASE_MS);
    // An event on another key in the same fence slot, not heard here, lets the fill be refused.
    await b.cache.delete(neighbour('k'));
    expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
    await settled();
    expect(a.cache.stats().remote.fillsRefused).toBe(1);
    a.remote.tail.pass();
    await a.clock.advance(BEAT_MS + 1);
    expect(a.cache.health().state).toBe('coherent');
    expect(a.cache.peek('k')).not.toBe('old');
  });

  test('does not read an older entry from memory after the proof has lapsed and come back', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    a.remote.isBusCut = true;
    a.remote.tail.hold();
    await a.clock.advance(PAST_LEASE_MS);
    await b.cache.delete('k');
    a.remote.tail.timeOut();
    a.remote.tail.fail();
    const loaded = await a.cache.getOrSet('k', () => 'new');
    expect(loaded).toBe('new');
    await settled();
    expect(a.cache.peek('k')).not.toBe('old');
    a.remote.tail.pass();
    await a.clock.advance(1_000);
    expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
  });
});
