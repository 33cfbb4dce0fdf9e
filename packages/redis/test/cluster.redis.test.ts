import { Cluster } from 'ioredis';
import type { Cache } from 'tierwise';
import { partitionIndex } from 'tierwise/driver';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { RedisCluster } from '../../testing/src/consistency/redis-cluster.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { openCache, uniqueName } from './support/caches.ts';
import { connectionsOf, expectAtHome, keysOf, nodeOf, remoteOf, startCluster } from './support/cluster.ts';
import { eventually } from './support/until.ts';

const PARTITIONS = 4;
const KEYS = Array.from({ length: 24 }, (_, index) => `key:${index}`);

let cluster: RedisCluster;
let name: string;
let one: Cache;
let two: Cache;

beforeAll(async () => {
  cluster = await startCluster(0);
});

afterAll(() => cluster.stop());

beforeEach(async () => {
  name = uniqueName();
  [one, two] = [open(), open()];
  await Promise.all([one.ready(), two.ready()]);
  await eventually(() => [one.health().state, two.health().state]).toEqual(['coherent', 'coherent']);
});

function open(): Cache {
  return openCache({ name, coherence: { lease: '3s' } }, remoteOf(cluster, PARTITIONS, '10s'));
}

test('partitions are spread over the nodes, each in one slot with its state', async () => {
  await one.setMany(KEYS.map((key) => ({ key, value: key })));

  const expected = Array.from({ length: PARTITIONS }, (_, index) => `{${name}.${index}}`).flatMap((base, index) => [
    ...['#meta', '#fence', '#log', '#members'].map((part) => base + part),
    ...KEYS.filter((key) => partitionIndex(key, PARTITIONS) === index).map((key) => `${base}:${key}`),
  ]);
  expect(await keysOf(cluster, `{${name}`)).toEqual(expected.sort());
  const owners = await Promise.all(Array.from({ length: PARTITIONS }, (_, index) => nodeOf(cluster, name, index)));
  expect(new Set(owners).size).toBeGreaterThan(1);
});

test('values are shared, and a delete is seen by the other instance, in every partition', async () => {
  expect(await one.setMany(KEYS.map((key) => ({ key, value: `old ${key}` })))).toEqual(
    KEYS.map(() => ({ stored: true, outdated: false, delivered: true })),
  );
  await eventually(() => two.getMany(KEYS)).toEqual(KEYS.map((key) => `old ${key}`));

  expect(await one.deleteMany(KEYS)).toEqual({ delivered: true });
  await eventually(() => KEYS.map((key) => two.peek(key))).toEqual(KEYS.map(() => undefined));
  expect(await Promise.all(KEYS.map((key) => two.getOrSet(key, () => `new ${key}`)))).toEqual(
    KEYS.map((key) => `new ${key}`),
  );
  await eventually(() => one.getMany(KEYS)).toEqual(KEYS.map((key) => `new ${key}`));
});

test('a tag, a prefix and a clear reach every partition', async () => {
  for (const forget of [() => one.invalidateTags(['t']), () => one.invalidatePrefix('key:'), () => one.clear()]) {
    await eventually(async () => {
      await one.setMany(KEYS.map((key) => ({ key, value: 'old', tags: ['t'] })));
      return two.getMany(KEYS);
    }).toEqual(KEYS.map(() => 'old'));
    expect(await forget()).toEqual({ delivered: true });
    expect(await one.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
    await eventually(() => two.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
    expect(await open().getMany(KEYS)).toEqual(KEYS.map(() => undefined));
  }
});

describe('a guarded write', () => {
  test('of tags and prefixes fences every partition, and its end opens them all', async () => {
    for (const target of [{ tags: ['t'] }, { prefixes: ['key:'] }]) {
      const options = { tags: ['t'] };
      const result = await one.mutate(target, async () => {
        await eventually(() => KEYS.map((key) => two.peek(key))).toEqual(KEYS.map(() => undefined));
        expect(await Promise.all(KEYS.map((key) => two.getOrSet(key, () => 'old', options)))).toEqual(
          KEYS.map(() => 'old'),
        );
        const sets = await two.setMany(KEYS.map((key) => ({ key, value: 'raced', ...options })));
        expect(sets.map(({ stored }) => stored)).toEqual(KEYS.map(() => false));
        expect(await keysOf(cluster, `{${name}`)).not.toContainEqual(expect.stringContaining(':key:'));
      });
      expect(result).toMatchObject({ delivered: true, fenced: true });
      await eventually(async () => {
        const sets = await two.setMany(KEYS.map((key) => ({ key, value: 'new', ...options })));
        return sets.map(({ stored }) => stored);
      }).toEqual(KEYS.map(() => true));
    }
  });

  test('of a key fences it in its own partition', async () => {
    const [key, other] = KEYS as [string, string];
    await one.mutate({ keys: [key] }, async () => {
      expect(await two.set(key, 'raced')).toMatchObject({ stored: false });
      expect(await two.set(other, 'free')).toMatchObject({ stored: true });
    });
    // Refused until it has heard of the end.
    await eventually(async () => (await two.set(key, 'later')).stored).toBe(true);
  });

  test('whose process is gone runs out in every partition', async () => {
    const gone = open();
    await gone.ready();
    await eventually(() => gone.health().state).toBe('coherent');
    await gone.mutate({ tags: ['t'] }, () => gone.close(), { fence: '1s' });
    const fences = () =>
      Promise.all(
        Array.from({ length: PARTITIONS }, async (_, index) => {
          const { client } = await nodeOf(cluster, name, index);
          return client.hexists(`{${name}.${index}}#meta`, 'fences');
        }),
      );
    expect(await fences()).toEqual(new Array(PARTITIONS).fill(1));
    await eventually(fences).toEqual(new Array(PARTITIONS).fill(0));
    await eventually(async () => (await two.set('key:1', 'v', { tags: ['t'] })).stored).toBe(true);
  });

  test('is linearizable across partitions', async () => {
    const result = await one.mutate({ tags: ['t'] }, () => 'written', { consistency: 'linearizable' });
    expect(result).toMatchObject({ delivered: true, fenced: true, linearized: true });
  });
});

test('a pattern reaches every partition, and its collection every node', async () => {
  const eu = one.namespace('eu');
  await one.setMany(KEYS.map((key) => ({ key, value: 'old' })));
  await eu.setMany(KEYS.map((key) => ({ key, value: 'old' })));
  await eventually(() => two.getMany(KEYS)).toEqual(KEYS.map(() => 'old'));
  const { delivered, collected } = await one.invalidatePattern('k*:*');
  expect(delivered).toBe(true);
  await eventually(() => KEYS.map((key) => two.peek(key))).toEqual(KEYS.map(() => undefined));
  expect(await collected).toBe(KEYS.length);
  expect(await keysOf(cluster, `{${name}`)).not.toContainEqual(expect.stringMatching(/\}:key:/));
  expect(await eu.getMany(KEYS)).toEqual(KEYS.map(() => 'old'));
});

test('a lower version never replaces a higher one, in every partition', async () => {
  await one.setMany(KEYS.map((key) => ({ key, value: 'v2', version: 2 })));
  const outdated = await two.setMany(KEYS.map((key) => ({ key, value: 'v1', version: 1 })));
  expect(outdated).toEqual(KEYS.map(() => ({ stored: false, outdated: true, delivered: true })));
  // A read that is under way when it hears of the refused set takes no chances.
  await eventually(() => two.getMany(KEYS)).toEqual(KEYS.map(() => 'v2'));
});

test('events come over sharded channels, long before a tail would bring them', async () => {
  const slow = { name: uniqueName(), coherence: { lease: '60s' } } as const;
  const remote = remoteOf(cluster, PARTITIONS, '10s');
  const [writer, reader] = [openCache(slow, remote), openCache(slow, remote)];
  await Promise.all([writer.ready(), reader.ready()]);
  await writer.setMany(KEYS.map((key) => ({ key, value: 1 })));
  expect(await reader.getMany(KEYS)).toEqual(KEYS.map(() => 1));
  await writer.deleteMany(KEYS);
  await eventually(() => KEYS.map((key) => reader.peek(key))).toEqual(KEYS.map(() => undefined));
  expect(reader.stats().invalidations.received).toBeGreaterThanOrEqual(PARTITIONS);
});

test('a Cluster client of the application names the cluster, and is left alone', async () => {
  const given = new Cluster(cluster.addresses, { redisOptions: { replyMapping: 'legacy' }, keyPrefix: 'app:' });
  onTestFinished(() => given.disconnect());
  await given.set('own', 'value');
  const other = uniqueName();
  const cache = openCache({ name: other }, { client: given, partitions: 2 });
  expect((await cache.ready()).state).toBe('coherent');
  expect((await cache.set('k', 'v')).stored).toBe(true);
  await cache.close();
  expect(await given.get('own')).toBe('value');
  expect(await keysOf(cluster, `app:{${other}`)).toHaveLength(2 * 3 + 1 + 1);
});

test('all nodes are found through one', async () => {
  const [node] = cluster.addresses as [{ host: string; port: number }];
  const late = openCache({ name, coherence: { lease: '3s' } }, { cluster: { nodes: [node], partitions: PARTITIONS } });
  await one.setMany(KEYS.map((key) => ({ key, value: 'v' })));
  await eventually(() => late.getMany(KEYS)).toEqual(KEYS.map(() => 'v'));
});

test('a cluster that is not there keeps nobody waiting', async () => {
  const alone = openCache({ name: uniqueName() }, { cluster: { nodes: [{ host: '127.0.0.1', port: 1 }] } });
  expect((await alone.ready()).state).toBe('offline');
  expect(await alone.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await alone.delete('k')).toEqual({ delivered: false });
});

test('partitions share the connections to their node: three to each, however many there are', async () => {
  const many = uniqueName();
  const remote = remoteOf(cluster, 64, '10s');
  const cache = openCache({ name: many }, remote);
  await cache.ready();
  await eventually(() => cache.health().state).toBe('coherent');
  // The one that was asked for the topology may still be there.
  await eventually(() => connectionsOf(cluster, many)).toEqual(
    cluster.nodes.map(() => ({ commands: 1, tail: 1, bus: 1 })),
  );
  await expectAtHome(cluster, many, 1, 64);
});

test('nodes that announce addresses of their own are reached through those that are given for them', async () => {
  const proxies = await Promise.all(cluster.addresses.map((target) => FaultProxy.start({ target })));
  onTestFinished(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  });
  const reached = proxies.map(({ host, port }) => ({ host, port }));
  const announced = cluster.addresses.map(({ host, port }) => `${host}:${port}`);
  const natMap = Object.fromEntries(announced.map((address, index) => [address, reached[index] as never]));
  const options = { name, coherence: { lease: '3s' } } as const;
  const far = openCache(options, { cluster: { nodes: reached.slice(0, 1), partitions: PARTITIONS, natMap } });
  await one.setMany(KEYS.map((key) => ({ key, value: 'v' })));
  await eventually(() => far.getMany(KEYS)).toEqual(KEYS.map(() => 'v'));

  const given = new Cluster(reached.slice(0, 1), {
    natMap: (address) => reached[announced.indexOf(address)] ?? null,
    redisOptions: { replyMapping: 'legacy' },
  });
  onTestFinished(() => given.disconnect());
  const named = openCache(options, { client: given, partitions: PARTITIONS });
  await eventually(() => named.getMany(KEYS)).toEqual(KEYS.map(() => 'v'));
  const links = proxies.flatMap((proxy) => proxy.connections(`tierwise:${name}:`));
  // The one asked for the topology may still be there.
  expect(links.length).toBeGreaterThanOrEqual(2 * 3 * 2);
});
