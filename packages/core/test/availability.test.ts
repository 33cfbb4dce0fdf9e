import { describe, expect, test, vi } from 'vitest';
import type { Health } from '../src/emitter.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import {
  BEAT_MS,
  ControlledLoader,
  expectIdle,
  openInstance,
  openInstances,
  PAST_LEASE_MS,
  startInstance,
} from './support/instances.ts';
import { unhandledDuring } from './support/unhandled.ts';

describe('a shared layer that is away from the start', () => {
  test('lets reads be answered by the loader, one load a key at a time', async () => {
    const instance = startInstance({ remote: { isAway: true } });
    const { cache, clock } = instance;
    expect((await cache.ready()).state).toBe('offline');
    let loads = 0;
    const load = async () => {
      loads++;
      await settled();
      return 'value';
    };
    const reads = Array.from({ length: 50 }, () => cache.getOrSet('k', load));
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['value']));
    expect(loads).toBe(1);
    expect(cache.peek('k')).toBe('value');
    await clock.advance(PAST_LEASE_MS);
    expect(cache.peek('k')).toBe(undefined);
    expect(await cache.getOrSet('k', load)).toBe('value');
    expect(loads).toBe(2);
    expect(await cache.get('other')).toBe(undefined);
    await settled();
    expectIdle(instance);
  });

  test('is used as soon as it comes', async () => {
    const { cache, clock, remote, hub } = startInstance({ remote: { isAway: true } });
    await cache.ready();
    await cache.getOrSet('k', () => 1);
    expect(hub.stored('k')).toBe(undefined);
    remote.connect();
    await settled();
    expect(cache.health().state).toBe('coherent');
    await clock.advance(1);
    await cache.getOrSet('k', () => 2);
    await settled();
    expect(hub.stored('k')).not.toBe(undefined);
  });

  test('keeps no call waiting: those made before it is known wait for the first answer only', async () => {
    const { cache, remote, clock } = startInstance();
    remote.tail.hold();
    const read = cache.getOrSet('k', () => 1);
    const write = cache.set('l', 2);
    const drop = cache.delete('m');
    await settled();
    remote.tail.timeOut();
    remote.tail.fail();
    await clock.advance(BEAT_MS);
    expect(await read).toBe(1);
    await Promise.all([write, drop]);
  });
});

describe('a shared layer that goes away', () => {
  test('is told by health() and by events, in order', async () => {
    const { cache, clock, remote } = startInstance();
    const states: Health['state'][] = [];
    for (const state of ['coherent', 'suspect', 'offline'] as const) {
      cache.on(state, (health) => states.push(health.state));
    }
    await cache.ready();
    expect(cache.health()).toEqual({ state: 'coherent', proofAgeMs: 0, journaled: 0, stalenessBoundMs: 2_000 });
    remote.tail.fail();
    await clock.advance(PAST_LEASE_MS + BEAT_MS);
    expect(cache.health().state).toBe('suspect');
    expect(cache.health().proofAgeMs).toBeGreaterThan(PAST_LEASE_MS);
    remote.disconnect();
    expect(cache.health().state).toBe('offline');
    remote.connect();
    await settled();
    expect(cache.health().state).toBe('coherent');
    expect(states).toEqual(['coherent', 'suspect', 'offline', 'coherent']);
  });

  test('keeps memory in use while proof or youth last, and no longer', async () => {
    const { cache, clock, remote } = await openInstance();
    await cache.getOrSet('k', () => 'old');
    await settled();
    remote.disconnect();
    await clock.advance(1_000);
    expect(cache.peek('k')).toBe('old');
    await clock.advance(PAST_LEASE_MS);
    expect(cache.peek('k')).toBe(undefined);
    expect(await cache.get('k')).toBe(undefined);
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    expect(cache.stats().memory.unproved).toBeGreaterThan(0);
  });

  test('lets entries in memory count again when nothing was missed', async () => {
    const { cache, clock, remote } = await openInstance();
    await cache.getOrSet('k', () => 'value');
    await settled();
    remote.disconnect();
    await clock.advance(PAST_LEASE_MS);
    remote.connect();
    await settled();
    expect(cache.peek('k')).toBe('value');
  });

  test('fails no read when the read command fails at once and the tail hangs', async () => {
    const unhandled = await unhandledDuring(async () => {
      const { cache, clock, remote } = await openInstance();
      remote.disconnect();
      await clock.advance(PAST_LEASE_MS);
      remote.tail.hold();
      const read = cache.getOrSet('k', () => 'loaded');
      await settled();
      remote.tail.timeOut();
      await settled();
      remote.tail.timeOut();
      expect(await read).toBe('loaded');
      await settled();
    });
    expect(unhandled).toEqual([]);
  });

  test('fails no read when commands fail while the view is still proved', async () => {
    const { cache, remote } = await openInstance();
    remote.read.fail('request', 'REMOTE_TIMEOUT');
    expect(await cache.get('k')).toBe(undefined);
    expect(await cache.getMany(['k', 'l'])).toEqual([undefined, undefined]);
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(cache.stats().remote.errors).toBe(4);
  });

  // Symptom: later reads of the key joined the one that nobody had sent, and hung for good.
  test('fails no later read when one could not be sent', async () => {
    const { cache, clock } = await openInstance();
    const tick = vi.spyOn(clock, 'endOfTick').mockImplementation(() => {
      throw new Error('the test broke it');
    });
    await expect(cache.get('k')).rejects.toThrow('the test broke it');
    tick.mockRestore();
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
  });

  test('keeps a loaded value in memory when its fill fails', async () => {
    const { cache, remote, hub } = await openInstance();
    remote.fill.fail();
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    await settled();
    expect(cache.peek('k')).toBe(1);
    expect(hub.stored('k')).toBe(undefined);
    expect(cache.stats().remote.writeErrors).toBe(1);
  });
});

describe('an invalidation nobody confirmed', () => {
  test('resolves undelivered, is told, and is delivered in order at reconnect', async () => {
    const { cache, remote } = await openInstance();
    const journaled: number[] = [];
    cache.on('undelivered', (event) => journaled.push(event.journaled));
    remote.disconnect();
    expect(await cache.delete('a')).toEqual({ delivered: false });
    expect(await cache.invalidateTags(['t'])).toEqual({ delivered: false });
    expect(await cache.invalidatePrefix('p:')).toEqual({ delivered: false });
    expect(journaled).toEqual([1, 2, 3]);
    expect(cache.health().journaled).toBe(3);
    expect(cache.stats().invalidations).toMatchObject({ undelivered: 3, journaled: 3 });
    const before = remote.invalidations.length;
    remote.connect();
    await settled();
    expect(remote.invalidations.slice(before)).toEqual([
      { keys: ['a'], tags: ['t'], prefixes: ['p:'], patterns: [], clear: false },
    ]);
    expect(cache.health().journaled).toBe(0);
  });

  test('reaches the other instances once delivered', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old', { tags: ['t'] });
    await settled();
    expect(await b.cache.get('k')).toBe('old');
    a.remote.disconnect();
    await a.cache.invalidateTags(['t']);
    expect(b.cache.peek('k')).toBe('old');
    a.remote.connect();
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe(undefined);
  });

  test('rejects with NOT_DELIVERED where that is asked for, and is journaled all the same', async () => {
    const { cache, remote } = await openInstance({ onUndelivered: 'throw' });
    remote.disconnect();
    await expectCode('NOT_DELIVERED', () => cache.delete('k'));
    await expectCode('NOT_DELIVERED', () => cache.clear());
    await expectCode('NOT_DELIVERED', () => cache.set('l', 1));
    const several = cache.setMany(['m', 'n'].map((key) => ({ key, value: 1 })));
    await expect(several).rejects.toMatchObject({ code: 'NOT_DELIVERED', facts: { items: [0, 1] } });
    expect(cache.health().journaled).toBe(5);
    remote.connect();
    await settled();
    expect(cache.health().journaled).toBe(0);
  });

  // Symptom: the cause of setMany was another NOT_DELIVERED, and the reason only in that one's cause.
  test('says why in the cause of NOT_DELIVERED, whatever the call', async () => {
    const { cache, remote } = await openInstance({ onUndelivered: 'throw' });
    remote.disconnect();
    const calls = [
      () => cache.delete('k'),
      () => cache.deleteMany(['k', 'l']),
      () => cache.invalidateTags(['t']),
      () => cache.set('k', 1),
      () => cache.setMany(['k', 'l'].map((key) => ({ key, value: 1 }))),
    ];
    for (const call of calls) {
      const { cause } = await expectCode('NOT_DELIVERED', call);
      expect(cause).toMatchObject({ name: 'CacheError', code: 'REMOTE_UNAVAILABLE' });
    }
  });

  test('becomes one clear when there are too many', async () => {
    const { cache, remote } = await openInstance({ coherence: { maxJournal: 16 } });
    remote.disconnect();
    for (let i = 0; i < 40; i++) await cache.delete(`k${i}`);
    expect(cache.health().journaled).toBeLessThanOrEqual(16);
    const before = remote.invalidations.length;
    remote.connect();
    await settled();
    const delivered = remote.invalidations.slice(before);
    expect(delivered.some(({ clear }) => clear)).toBe(true);
    expect(cache.health().journaled).toBe(0);
  });

  test('stays when its delivery fails, and is tried again at the next proof', async () => {
    const { cache, remote, clock } = await openInstance();
    remote.disconnect();
    await cache.delete('k');
    remote.connect();
    remote.invalidate.fail();
    await settled();
    expect(cache.health().journaled).toBe(1);
    remote.invalidate.pass();
    await clock.advance(BEAT_MS);
    await settled();
    expect(cache.health().journaled).toBe(0);
  });

  test('keeps own reads of what it covers away from both layers until it is delivered', async () => {
    const { cache, remote, hub, ...rest } = await openInstance();
    await cache.getOrSet('k', () => 'old', { tags: ['t'] });
    await cache.getOrSet('p:1', () => 'old');
    await cache.getOrSet('other', () => 'other');
    await settled();
    remote.invalidate.fail();
    await cache.invalidateTags(['t']);
    await cache.invalidatePrefix('p:');
    expect(cache.peek('k')).toBe(undefined);
    expect(cache.peek('p:1')).toBe(undefined);
    expect(cache.peek('other')).toBe('other');
    expect(await cache.get('k')).toBe(undefined);
    expect(await cache.get('p:1')).toBe(undefined);
    expect(hub.stored('k')).not.toBe(undefined);
    expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
    expect(await cache.getOrSet('k', () => 'newer', { tags: ['t'] })).toBe('newer');
    await settled();
    expectIdle({ cache, remote, hub, ...rest });
  });
});

test('a read of a key whose deletion is journaled does not ask the shared layer', async () => {
  const { cache, remote } = await openInstance();
  remote.invalidate.fail();
  await cache.delete('k');
  expect(await cache.get('k')).toBe(undefined);
  expect(remote.read.calls).toBe(0);
});

describe('a load of a key whose deletion is journaled', () => {
  test('is shared when it began after the deletion, and kept nowhere', async () => {
    const { cache, remote, hub } = await openInstance();
    remote.invalidate.fail();
    await cache.delete('k');
    const loader = new ControlledLoader<number>();
    const reads = [cache.getOrSet('k', loader.load), cache.getOrSet('k', loader.load)];
    await settled();
    expect(loader.calls).toBe(1);
    loader.answer(1);
    expect(await Promise.all(reads)).toEqual([1, 1]);
    await settled();
    expect(cache.peek('k')).toBe(undefined);
    expect(hub.stored('k')).toBe(undefined);
  });
});

// Symptom: the first read of a new instance missed what Redis had, where a tail was answered before the connection for
// commands was there, and a healthy start was told as an outage.
test('a proof that comes before the connection for commands sends no read there, and tells nothing', async () => {
  const first = await openInstance();
  await first.cache.set('k', 'v');
  const { hub, clock } = first;
  const { cache, remote } = startInstance({ hub, clock, remote: { isConnecting: true } });
  const told: string[] = [];
  for (const state of ['coherent', 'suspect', 'offline'] as const) cache.on(state, () => told.push(state));
  remote.read.fail();
  remote.listener.onDoubt();
  await settled();
  expect(remote.tail.calls).toBe(0);
  await clock.advance(BEAT_MS);
  expect(remote.tail.calls).toBe(1);
  const read = cache.get('k');
  await settled();
  expect(remote.log).toEqual([]);
  expect(told).toEqual([]);
  remote.connect();
  expect(await read).toBe('v');
  expect(told).toEqual(['coherent']);
});
