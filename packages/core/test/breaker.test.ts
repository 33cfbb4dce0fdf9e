import { expect, onTestFinished, test } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { CacheError } from '../src/errors.ts';
import { inProcess } from '../src/in-process/remote.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { HeldPlainStore } from './support/held-plain-store.ts';

const PARTS = 3;
const DEAD = 1;
const clock = new FakeClock();

/** Two instances of one cache over a layer of three parts: what the first has stored, the second reads key by key. */
async function openPair(): Promise<{ store: HeldPlainStore; writer: Cache; reader: Cache }> {
  const store = new HeldPlainStore(PARTS);
  const authority = inProcess();
  const open = async (): Promise<Cache> => {
    const cache = createCache({
      name: 'parts',
      ttl: '1h',
      memory: { maxEntries: 1_000 },
      stores: { redis: authority, simple: { name: 'memcached', connect: () => store } },
      store: 'simple',
      clock,
    });
    onTestFinished(() => cache.close());
    await cache.ready();
    return cache;
  };
  return { store, writer: await open(), reader: await open() };
}

const keysOf = (part: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `k:${i * PARTS + part}`);

async function fill(cache: Cache): Promise<void> {
  for (let part = 0; part < PARTS; part++) {
    for (const key of keysOf(part, 30)) await cache.getOrSet(key, () => key);
  }
  await settled();
}

test('one part that answers nothing is left alone, and the keys of the others are found as before', async () => {
  const { store, writer, reader } = await openPair();
  await fill(writer);
  store.fault = new CacheError('REMOTE_TIMEOUT', 'black-holed');
  store.faultyPart = DEAD;
  for (const key of keysOf(DEAD, 20)) expect(await reader.getOrSet(key, () => 'loaded')).toBe('loaded');
  for (const part of [0, 2]) {
    for (const key of keysOf(part, 20)) expect(await reader.getOrSet(key, () => 'loaded')).toBe(key);
  }
  const { hits, errors = 0, skipped = 0 } = reader.stats().layers['simple'] ?? {};
  expect(hits).toBe(40);
  expect(errors - skipped).toBe(5);
  expect(skipped).toBeGreaterThan(0);
});

test('a read of many keys misses those of a part that is left alone, and no others', async () => {
  const { store, writer, reader } = await openPair();
  await fill(writer);
  store.fault = new CacheError('REMOTE_TIMEOUT', 'black-holed');
  store.faultyPart = DEAD;
  for (const key of keysOf(DEAD, 10)) await reader.get(key);
  const keys = [...keysOf(0, 5), ...keysOf(DEAD, 15).slice(10), ...keysOf(2, 5)];
  const calls = store.calls;
  expect(await reader.getMany(keys)).toEqual(keys.map((key) => (store.partOf(key) === DEAD ? undefined : key)));
  expect(store.calls).toBe(calls + 1);
});

test('no read waits for the attempt that finds out whether a part is back', async () => {
  const { store, writer, reader } = await openPair();
  await fill(writer);
  store.fault = new CacheError('REMOTE_TIMEOUT', 'black-holed');
  store.faultyPart = DEAD;
  for (const key of keysOf(DEAD, 5)) await reader.get(key);
  const { promise: deadline, resolve: expire } = Promise.withResolvers<void>();
  store.deadline = deadline;
  await clock.advance(1_001);
  const calls = store.calls;
  for (const key of keysOf(DEAD, 12)) expect(await reader.get(key)).toBeUndefined();
  expect(store.calls).toBe(calls + 1);
  expire();
  await settled();
  // That attempt has failed, so the part is left alone for another second.
  expect(await reader.get(keysOf(DEAD, 1)[0] as string)).toBeUndefined();
  expect(store.calls).toBe(calls + 1);
});

test('a part that is back is found out, and read again', async () => {
  const { store, writer, reader } = await openPair();
  await fill(writer);
  store.fault = new CacheError('REMOTE_UNAVAILABLE', 'away');
  store.faultyPart = DEAD;
  for (const key of keysOf(DEAD, 10)) await reader.get(key);
  store.fault = undefined;
  await clock.advance(1_001);
  await reader.get('k:1');
  await settled();
  for (const key of keysOf(DEAD, 20)) expect(await reader.get(key)).toBe(key);
});

test('a driver that places a name nowhere harms nobody', async () => {
  const { store, writer, reader } = await openPair();
  store.partOf = () => Number.NaN;
  await fill(writer);
  expect(await reader.get('k:2')).toBe('k:2');
  store.partOf = () => {
    throw new Error('no part');
  };
  expect(await reader.get('k:3')).toBe('k:3');
});
