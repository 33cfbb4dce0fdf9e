// Schedules of protocol.md section 4 in which something old comes back, by their numbers there.

import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import {
  BEAT_MS,
  ControlledLoader,
  expectIdle,
  type Instance,
  openInstance,
  openInstances,
  warm,
} from './support/instances.ts';
import { Hub } from './support/scripted-remote.ts';

describe('3: a slow load ends after an invalidation', () => {
  type Invalidate = (instance: Instance) => Promise<unknown>;
  const WAYS: readonly [string, Invalidate][] = [
    ['a delete', ({ cache }) => cache.delete('p:k')],
    ['a delete of many', ({ cache }) => cache.deleteMany(['p:j', 'p:k'])],
    ['a clear', ({ cache }) => cache.clear()],
    ['a tag', ({ cache }) => cache.invalidateTags(['t'])],
    ['a tag that only the value tells', ({ cache }) => cache.invalidateTags(['of-value'])],
    ['a prefix', ({ cache }) => cache.invalidatePrefix('p:')],
    ['a set', ({ cache }) => cache.set('p:k', 'set')],
    [
      'a set elsewhere that is deleted again',
      async ({ cache }) => {
        await cache.set('p:k', 'set');
        await cache.delete('p:k');
      },
    ],
  ];
  for (const [name, invalidate] of WAYS) {
    for (const where of ['the same instance', 'another instance', 'another instance, the bus being cut']) {
      test(`${name} on ${where}: the value is served from neither layer`, async () => {
        const [a, b, c] = (await openInstances(3)) as [Instance, Instance, Instance];
        const loader = new ControlledLoader<string>();
        const slow = a.cache.getOrSet('p:k', loader.load, { tags: ['t'], valueTags: () => ['of-value'] });
        await settled();
        a.remote.isBusCut = where.endsWith('cut');
        await invalidate(where === 'the same instance' ? a : b);
        await settled();
        loader.answer('old');
        await slow;
        await settled();
        if (where.endsWith('cut')) await a.clock.advance(BEAT_MS + 1);
        await settled();
        for (const { cache } of [a, b, c]) {
          expect(cache.peek('p:k')).not.toBe('old');
          expect(await cache.get('p:k')).not.toBe('old');
        }
        expectIdle(a, b, c);
      });
    }
  }

  test('the refused fill enters memory no more than the shared layer', async () => {
    const [a, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const slow = a.cache.getOrSet('k', loader.load);
    await settled();
    a.remote.isBusCut = true;
    await b.cache.delete('k');
    loader.answer('old');
    expect(await slow).toBe('old');
    await settled();
    expect(a.cache.peek('k')).toBe(undefined);
    expect(a.cache.stats().remote.fillsRefused).toBe(1);
    expect(a.cache.stats().loads.unkept).toBe(1);
    expect(a.hub.stored('k')).toBe(undefined);
  });

  test('a fill under way when the event comes is taken back', async () => {
    const [a, b] = await openInstances(2);
    a.remote.fill.hold('reply');
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    await b.cache.delete('k');
    await settled();
    a.remote.fill.release();
    await settled();
    expect(a.cache.peek('k')).toBe(undefined);
    expect(a.hub.stored('k')).toBe(undefined);
  });
});

describe('5: a reader comes after a delete that a running load does not know', () => {
  test('it does not join the load on the deleting instance', async () => {
    const a = await openInstance();
    const loader = new ControlledLoader<string>();
    const early = a.cache.getOrSet('k', loader.load);
    await settled();
    await a.cache.delete('k');
    const late = a.cache.getOrSet('k', loader.load);
    await settled();
    expect(loader.calls).toBe(2);
    loader.answer('old', 0);
    loader.answer('new', 1);
    expect(await early).toBe('old');
    expect(await late).toBe('new');
    await settled();
    expect(a.cache.peek('k')).toBe('new');
    expectIdle(a);
  });

  test('nor on another instance once the event is there', async () => {
    const [a, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const early = b.cache.getOrSet('k', loader.load);
    await settled();
    await a.cache.delete('k');
    await settled();
    const late = b.cache.getOrSet('k', loader.load);
    await settled();
    expect(loader.calls).toBe(2);
    loader.answer('old', 0);
    loader.answer('new', 1);
    expect(await Promise.all([early, late])).toEqual(['old', 'new']);
  });

  test('the load that was left behind does not overwrite the newer one', async () => {
    const a = await openInstance();
    const loader = new ControlledLoader<string>();
    const early = a.cache.getOrSet('k', loader.load);
    await settled();
    await a.cache.delete('k');
    await a.clock.advance(1);
    const late = a.cache.getOrSet('k', loader.load);
    await settled();
    loader.answer('new', 1);
    await late;
    await settled();
    loader.answer('old', 0);
    await early;
    await settled();
    expect(a.cache.peek('k')).toBe('new');
    expect(await a.cache.get('k')).toBe('new');
  });
});

describe('6: the version of a tag is pruned', () => {
  test('its old entries stay dead, in memory and in the shared layer', async () => {
    const hub = new Hub({ maxVersions: 16 });
    const [a, b] = await openInstances(2, { hub, coherence: { maxVersions: 16 } });
    await warm([a, b], 'k', 'old', ['t']);
    await a.cache.invalidateTags(['t']);
    for (let i = 0; i < 100; i++) await a.cache.invalidateTags([`other${i}`]);
    await settled();
    const late = await openInstance({ hub, clock: a.clock, coherence: { maxVersions: 16 } });
    for (const { cache } of [a, b, late]) {
      expect(cache.peek('k')).toBe(undefined);
      expect(await cache.get('k')).toBe(undefined);
    }
  });

  test('and so do those of a prefix', async () => {
    const hub = new Hub({ maxVersions: 16 });
    const [a, b] = await openInstances(2, { hub, coherence: { maxVersions: 16 } });
    await warm([a, b], 'p:k', 'old');
    await a.cache.invalidatePrefix('p:');
    for (let i = 0; i < 100; i++) await a.cache.invalidatePrefix(`other${i}:`);
    await settled();
    for (const { cache } of [a, b]) expect(await cache.get('p:k')).toBe(undefined);
  });
});

describe('8: memory is emptied by a snapshot while a load runs', () => {
  test('the load does not bring the old value back', async () => {
    const hub = new Hub({ logEvents: 100 });
    const [a, b] = await openInstances(2, { hub, coherence: { logEvents: 100 } });
    b.remote.isBusCut = true;
    const loader = new ControlledLoader<string>();
    const slow = b.cache.getOrSet('k', loader.load);
    await settled();
    await a.cache.delete('k');
    for (let i = 0; i < 300; i++) await a.cache.delete(`x${i}`);
    const resyncs = b.cache.stats().invalidations.resyncs;
    await b.clock.advance(BEAT_MS + 1);
    await settled();
    expect(b.cache.stats().invalidations.resyncs).toBe(resyncs + 1);
    loader.answer('old');
    await slow;
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe(undefined);
    const late = b.cache.getOrSet('k', () => 'new');
    expect(await late).toBe('new');
  });

  test('no read that comes after joins it', async () => {
    const hub = new Hub({ logEvents: 100 });
    const [a, b] = await openInstances(2, { hub });
    b.remote.isBusCut = true;
    const loader = new ControlledLoader<string>();
    const slow = b.cache.getOrSet('k', loader.load);
    await settled();
    for (let i = 0; i < 300; i++) await a.cache.delete(`x${i}`);
    await b.clock.advance(BEAT_MS + 1);
    await settled();
    const late = b.cache.getOrSet('k', loader.load);
    await settled();
    expect(loader.calls).toBe(2);
    loader.answer('old', 0);
    loader.answer('new', 1);
    expect(await Promise.all([slow, late])).toEqual(['old', 'new']);
  });
});

describe('13: a journaled delete resolves', () => {
  test('and the caller does not read the old value from the shared layer', async () => {
    const a = await openInstance();
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    a.remote.invalidate.fail();
    expect(await a.cache.delete('k')).toEqual({ delivered: false });
    expect(a.hub.stored('k')).not.toBe(undefined);
    expect(await a.cache.get('k')).toBe(undefined);
    expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
    a.remote.invalidate.pass();
    await a.clock.advance(BEAT_MS + 1);
    await settled();
    expect(a.hub.stored('k')).toBe(undefined);
    expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
  });
});
