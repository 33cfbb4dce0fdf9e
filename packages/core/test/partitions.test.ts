import { describe, expect, onTestFinished, test } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { partitionIndex } from '../src/coherence/slots.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { PAST_LEASE_MS } from './support/instances.ts';
import { partitioned } from './support/partitioned-remote.ts';
import { Hub, ScriptedRemote } from './support/scripted-remote.ts';

const COUNT = 4;
const KEYS = Array.from({ length: 40 }, (_, index) => `k${index}`);
const inPartition = (index: number) => KEYS.filter((key) => partitionIndex(key, COUNT) === index);

async function open(count: number): Promise<{ clock: FakeClock; all: { cache: Cache; parts: ScriptedRemote[] }[] }> {
  const clock = new FakeClock();
  const hubs = Array.from({ length: COUNT }, () => new Hub());
  const all = Array.from({ length: count }, () => {
    const parts = hubs.map((hub) => new ScriptedRemote(hub));
    const remote = partitioned(parts);
    const cache = createCache({ name: 'parts', ttl: '1h', memory: { maxEntries: 1_000 }, remote, clock });
    onTestFinished(() => cache.close());
    return { cache, parts };
  });
  await Promise.all(all.map(({ cache }) => cache.ready()));
  return { clock, all };
}

async function two() {
  const { clock, all } = await open(2);
  const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
  await a.cache.setMany(KEYS.map((key) => ({ key, value: 'old', tags: ['t'] })));
  await b.cache.getMany(KEYS);
  await settled();
  return { clock, a, b };
}

describe('several partitions', () => {
  test('each hold their own keys', async () => {
    const { a } = await two();
    for (const [index, part] of a.parts.entries()) {
      const keys = part.log.filter(({ call }) => call === 'set').flatMap((entry) => entry.keys);
      expect(keys).toEqual(inPartition(index));
      expect(keys.length).toBeGreaterThan(2);
    }
  });

  test('all hear of tags, prefixes and clears, and of keys the one they belong to', async () => {
    const { a, b } = await two();
    expect(await a.cache.delete('k0')).toEqual({ delivered: true });
    expect(a.parts.map((part) => part.invalidations.length).sort()).toEqual([0, 0, 0, 1]);
    expect(await a.cache.invalidateTags(['t'])).toEqual({ delivered: true });
    await settled();
    expect((await b.cache.getMany(KEYS)).every((value) => value === undefined)).toBe(true);
    expect(a.parts.map((part) => part.invalidations.length).sort()).toEqual([1, 1, 1, 2]);
    await a.cache.clear();
    expect(a.parts.map((part) => part.invalidations.length).sort()).toEqual([2, 2, 2, 3]);
  });

  test('are delivered to only when all of them have the event', async () => {
    const { a } = await two();
    a.parts[2]?.invalidate.fail();
    expect(await a.cache.invalidateTags(['t'])).toEqual({ delivered: false });
    expect(a.cache.health().journaled).toBe(1);
    expect((await a.cache.getMany(KEYS)).every((value) => value === undefined)).toBe(true);
  });

  test('lose one: its keys go to the loader, the others stay in use', async () => {
    const { clock, a } = await two();
    a.parts[1]?.disconnect();
    await clock.advance(PAST_LEASE_MS);
    for (const [index] of a.parts.entries()) {
      const [key = ''] = inPartition(index);
      expect(a.cache.peek(key)).toBe(index === 1 ? undefined : 'old');
    }
    expect(a.cache.health().state).toBe('offline');
  });

  test('empty only their own part of memory when one starts over', async () => {
    const { a, b } = await two();
    const [key = ''] = inPartition(3);
    a.parts[3]?.listener.onDoubt();
    b.parts[3]?.listener.onMessage({
      epoch: 'f'.repeat(32),
      seq: 1,
      invalidation: { keys: [], tags: [], prefixes: [], patterns: [], clear: true },
      fence: undefined,
    });
    await settled();
    expect(b.cache.peek(key)).toBe('old');
    b.parts[3]?.partition.view.forgetEverything();
    expect(b.cache.peek(key)).toBe(undefined);
    for (const index of [0, 1, 2]) for (const other of inPartition(index)) expect(b.cache.peek(other)).toBe('old');
  });
});
