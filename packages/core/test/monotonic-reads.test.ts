import { describe, expect, test } from 'vitest';
import { NOTHING } from '../src/wire/event.ts';
import { settled } from './support/fake-clock.ts';
import {
  BEAT_MS,
  ControlledLoader,
  type Instance,
  openInstance,
  openInstances,
  PAST_LEASE_MS,
} from './support/instances.ts';

const TAGGED = { tags: ['t'] };

/** Three instances that hear of nothing for a while, and an event that only the hub knows. */
async function openDeaf(maxEntries: number) {
  const [slow, fast, third] = await openInstances(3, { memory: { maxEntries } });
  if (third === undefined) throw new Error('three were asked for');
  for (const { remote } of [slow, fast, third]) remote.isBusHeld = true;
  const invalidate = () => fast.hub.authority.invalidate({ ...NOTHING, tags: ['t'] }, undefined, fast.clock.wallMs());
  return { slow, fast, third, invalidate };
}

/** Makes an instance with room for one entry forget what it holds. */
async function evict({ cache }: Instance): Promise<void> {
  await cache.getOrSet('other', () => 1);
  await settled();
}

describe('an instance that has answered from behind a tag event it has not heard of', () => {
  // Symptom: two loads under one lease, and the older one was stored last.
  test('does not go back to an older value in the shared layer, where it loaded the newer one', async () => {
    const { slow, fast, invalidate } = await openDeaf(1);
    const older = new ControlledLoader<string>();
    const read = slow.cache.getOrSet('k', older.load, TAGGED);
    await settled();
    invalidate();
    expect(await fast.cache.getOrSet('k', () => 'newer', TAGGED)).toBe('newer');
    await settled();
    older.answer('older');
    expect(await read).toBe('older');
    await settled();
    await evict(fast);

    expect(await fast.cache.get('k')).toBeUndefined();
    expect(await fast.cache.getOrSet('k', () => 'newer again', TAGGED)).toBe('newer again');
  });

  test('nor where it read the newer one from there', async () => {
    const { slow, fast, third, invalidate } = await openDeaf(1);
    const older = new ControlledLoader<string>();
    const read = slow.cache.getOrSet('k', older.load, TAGGED);
    await settled();
    invalidate();
    await third.cache.getOrSet('k', () => 'newer', TAGGED);
    await settled();
    expect(await fast.cache.get('k')).toBe('newer');
    older.answer('older');
    await read;
    await settled();
    await evict(fast);

    expect(await fast.cache.get('k')).toBeUndefined();
  });

  test('nor while its own value is on the way to the shared layer', async () => {
    const { slow, fast, invalidate } = await openDeaf(100);
    const older = new ControlledLoader<string>();
    const read = slow.cache.getOrSet('k', older.load, TAGGED);
    await settled();
    invalidate();
    fast.remote.fill.hold();
    expect(await fast.cache.getOrSet('k', () => 'newer', TAGGED)).toBe('newer');
    older.answer('older');
    await read;
    await settled();
    // The load is not to be joined any more, so the shared layer is asked.
    fast.remote.partition.view.activity.markAll(Number.POSITIVE_INFINITY);

    const answer = await fast.cache.get('k');
    fast.remote.fill.release();
    expect(answer).toBeUndefined();
  });

  test('nor to its own load, which began before the event under a higher lease', async () => {
    const { slow, fast, invalidate } = await openDeaf(1);
    const { view } = fast.remote.partition;
    // It has met the number of an event that the other instance has not.
    fast.hub.authority.invalidate({ ...NOTHING, keys: ['x'] }, undefined, fast.clock.wallMs());
    view.meet(view.epoch ?? '', 1);
    const older = new ControlledLoader<string>();
    const read = fast.cache.getOrSet('k', older.load, TAGGED);
    await settled();
    invalidate();
    await slow.cache.getOrSet('k', () => 'newer', TAGGED);
    await settled();
    expect(await fast.cache.get('k')).toBe('newer');
    older.answer('older');
    expect(await read).toBe('older');
    await settled();

    expect(fast.cache.peek('k')).toBeUndefined();
    expect(await fast.cache.get('k')).toBeUndefined();
  });

  test('nor to what it has loaded before under a higher lease, where it was reading already', async () => {
    const { fast, third, invalidate } = await openDeaf(100);
    const { view } = fast.remote.partition;
    third.remote.tail.hold();
    fast.hub.authority.invalidate({ ...NOTHING, keys: ['x'] }, undefined, fast.clock.wallMs());
    view.meet(view.epoch ?? '', 1);
    const older = new ControlledLoader<string>();
    const load = fast.cache.getOrSet('k', older.load, TAGGED);
    // A tail sent after it began: the load needs no later proof.
    await fast.clock.advance(BEAT_MS);
    fast.remote.read.hold();
    const read = fast.cache.get('k');
    await settled();
    older.answer('older');
    expect(await load).toBe('older');
    await settled();
    expect(fast.cache.peek('k')).toBe('older');
    fast.hub.authority.evict('k');
    invalidate();
    await third.cache.getOrSet('k', () => 'newer', TAGGED);
    await settled();
    fast.remote.read.release();
    expect(await read).toBe('newer');

    expect(fast.cache.peek('k')).toBeUndefined();
    third.remote.tail.release();
  });

  test('nor to a value of its own, set before the event and stored after it', async () => {
    const { fast, third, invalidate } = await openDeaf(100);
    const { view } = fast.remote.partition;
    fast.hub.authority.invalidate({ ...NOTHING, keys: ['x'] }, undefined, fast.clock.wallMs());
    view.meet(view.epoch ?? '', 1);
    fast.remote.set.hold();
    const set = fast.cache.set('k', 'older', TAGGED);
    await settled();
    invalidate();
    await third.cache.getOrSet('k', () => 'newer', TAGGED);
    await settled();
    expect(await fast.cache.get('k')).toBe('newer');
    fast.remote.set.release();
    await set;
    await settled();

    expect(fast.cache.peek('k')).toBeUndefined();
    expect(await fast.cache.get('k')).toBeUndefined();
  });
});

test('a key that was not answered lately is read without a tail', async () => {
  const [writer, reader] = await openInstances(2);
  await writer.cache.set('k', 'v');
  await settled();
  const { calls } = reader.remote.tail;
  expect(await reader.cache.get('k')).toBe('v');
  expect(reader.remote.tail.calls).toBe(calls);
});

test('a key that was answered lately is read again beside a tail, once', async () => {
  const [writer, reader] = await openInstances(2, { memory: { maxEntries: 1 } });
  await writer.cache.set('k', 'v');
  await settled();
  expect(await reader.cache.get('k')).toBe('v');
  await reader.cache.getOrSet('other', () => 1);
  await settled();
  const { calls } = reader.remote.tail;
  expect(await reader.cache.get('k')).toBe('v');
  expect(reader.remote.tail.calls).toBe(calls + 1);
});

test('where the tail that a key waits for fails, the loader answers it, and other keys are read as before', async () => {
  const [writer, reader] = await openInstances(2, { memory: { maxEntries: 1 } });
  await writer.cache.setMany([
    { key: 'k', value: 'v' },
    { key: 'l', value: 'w' },
  ]);
  await settled();
  expect(await reader.cache.get('k')).toBe('v');
  await reader.cache.getOrSet('other', () => 1);
  await settled();
  reader.remote.tail.fail();
  expect(await reader.cache.getMany(['k', 'l'])).toEqual([undefined, 'w']);
  expect(await reader.cache.getOrSet('k', () => 'loaded')).toBe('loaded');
});

// Symptom: a value from before an outage came back for as long as Redis took to store the one loaded during it.
test('what memory held before a load is not answered again while the load is on its way to the shared layer', async () => {
  const [{ cache, remote, clock }] = await openInstances(1);
  await cache.getOrSet('k', () => 'older');
  await settled();
  remote.tail.fail();
  await clock.advance(PAST_LEASE_MS);
  remote.fill.hold();
  expect(await cache.getOrSet('k', () => 'newer')).toBe('newer');
  remote.tail.pass();
  await clock.advance(BEAT_MS);

  expect(cache.health().state).toBe('coherent');
  expect(cache.peek('k')).toBe('newer');
  remote.fill.release();
});

// Symptom: past the keys that are remembered one by one, what was already on its way back was thrown away and loaded.
test('many keys at once are answered from the shared layer, however few can be remembered', async () => {
  const [one, two] = await openInstances(2, { memory: { maxEntries: 50_000 } });
  const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`);
  for (let at = 0; at < keys.length; at += 500) {
    await one.cache.setMany(keys.slice(at, at + 500).map((key) => ({ key, value: key })));
  }
  expect(await two.cache.getMany(keys)).toEqual(keys);

  const three = await openInstance({ hub: one.hub, clock: one.clock, memory: { maxEntries: 50_000 } });
  let loads = 0;
  const load = (): string => {
    loads++;
    return 'loaded';
  };
  await Promise.all(keys.map((key) => three.cache.getOrSet(key, load)));
  expect(loads).toBe(0);
});

test('a read of an answered key has its tail sent beside it, not after its answer', async () => {
  const instance = await openInstance({ memory: { maxEntries: 1 } });
  const { cache, remote } = instance;
  await cache.set('k', 'value');
  await evict(instance);
  expect(await cache.get('k')).toBe('value');
  // Another key than before, which has been answered as well.
  await cache.getOrSet('another', () => 1);
  await settled();
  const calls: string[] = [];
  remote.onCall = (call) => calls.push(call);
  remote.read.hold('reply');
  const read = cache.get('k');
  await settled();
  expect(calls.toSorted()).toEqual(['read', 'tail']);
  remote.read.pass();
  remote.read.release();
  expect(await read).toBe('value');
});
