import { type Cache, createCache } from 'tierwise';
import { partitionIndex } from 'tierwise/driver';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Server, startMemcached } from '../../../scripts/servers/index.ts';
import { redis } from '../../redis/src/index.ts';
import { nodeOf, remoteOf, startCluster } from '../../redis/test/support/cluster.ts';
import type { RedisCluster } from '../../testing/src/consistency/redis-cluster.ts';
import { memcached } from '../src/index.ts';

const PARTITIONS = 4;
const KEYS = Array.from({ length: 24 }, (_, index) => `key:${index}`);

let cluster: RedisCluster;
let server: Server;
let names = 0;
const open: Cache[] = [];

beforeAll(async () => {
  [cluster, server] = await Promise.all([startCluster(0), startMemcached()]);
});

afterAll(() => Promise.all([cluster.stop(), server.stop()]));

afterEach(async () => {
  for (const cache of open.splice(0)) await cache.close();
});

async function openCache(name: string): Promise<Cache> {
  const cache = createCache({
    name,
    ttl: '1m',
    memory: { maxEntries: 100 },
    stores: {
      redis: redis(remoteOf(cluster, PARTITIONS)),
      simple: memcached({ servers: `127.0.0.1:${server.port}` }),
    },
    store: 'simple',
    coherence: { lease: '2s' },
  });
  open.push(cache);
  await cache.ready();
  await expect.poll(() => cache.health().state).toBe('coherent');
  return cache;
}

const unique = (): string => `memcached-cluster-${process.pid}-${names++}`;

/** Loads every key anew, and waits until Memcached has them all. */
async function load(cache: Cache, name: string, value: string): Promise<void> {
  await Promise.all(KEYS.map((key) => cache.getOrSet(key, () => value, { tags: ['t'] })));
  const other = await openCache(name);
  await expect.poll(() => other.getMany(KEYS)).toEqual(KEYS.map(() => value));
  expect(other.stats().layers['simple']?.hits).toBe(KEYS.length);
}

test('entries of every partition are shared, and forgotten by key, tag, prefix and clear', async () => {
  const name = unique();
  const [a, b] = [await openCache(name), await openCache(name)];
  const forgets = [
    () => a.deleteMany(KEYS),
    () => a.invalidateTags(['t']),
    () => a.invalidatePrefix('key:'),
    () => a.clear(),
  ];
  for (const [round, forget] of forgets.entries()) {
    await load(a, name, `value ${round}`);
    await expect.poll(() => b.getMany(KEYS)).toEqual(KEYS.map(() => `value ${round}`));
    expect(await forget()).toEqual({ delivered: true });
    expect(await a.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
    await expect.poll(() => b.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
    expect(await (await openCache(name)).getMany(KEYS)).toEqual(KEYS.map(() => undefined));
  }
});

test('a set in one partition leaves the buckets of the others alone', async () => {
  const name = unique();
  const a = await openCache(name);
  await load(a, name, 'old');
  const [key = ''] = KEYS;
  const others = KEYS.filter((other) => partitionIndex(other, PARTITIONS) !== partitionIndex(key, PARTITIONS));
  expect(others.length).toBeGreaterThan(5);
  // Were there one set of buckets for all partitions, these would void most of it.
  const written = Array.from({ length: 60_000 }, (_, i) => `written:${i}`);
  await a.deleteMany(written.filter((each) => partitionIndex(each, PARTITIONS) === partitionIndex(key, PARTITIONS)));
  expect(await a.set(key, 'new')).toMatchObject({ stored: true });
  const late = await openCache(name);
  expect(await late.get(key)).toBe('new');
  expect(await late.getMany(others)).toEqual(others.map(() => 'old'));
});

test('a node that is paused: its keys are loaded, those of the other nodes found in Memcached', async () => {
  const name = unique();
  const a = await openCache(name);
  await load(a, name, 'stored');
  const b = await openCache(name);
  const owners = await Promise.all(KEYS.map((key) => nodeOf(cluster, name, partitionIndex(key, PARTITIONS))));
  const [away] = owners;
  const isAway = (index: number): boolean => owners[index] === away;
  await away?.server.kill('SIGSTOP');
  try {
    await expect.poll(() => b.health().state).not.toBe('coherent');
    const answers = await Promise.all(KEYS.map((key) => b.getOrSet(key, () => 'loaded')));
    expect(answers).toEqual(KEYS.map((_, index) => (isAway(index) ? 'loaded' : 'stored')));
    expect(new Set(answers)).toEqual(new Set(['loaded', 'stored']));
  } finally {
    await away?.server.kill('SIGCONT');
  }
  await expect.poll(() => b.health().state).toBe('coherent');
  await expect.poll(async () => (await b.set(KEYS[0] as string, 'again')).stored).toBe(true);
});
