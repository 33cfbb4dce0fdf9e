import type { CacheError } from 'tierwise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RedisCluster } from '../../testing/src/consistency/redis-cluster.ts';
import { openCache, openReady, uniqueName } from './support/caches.ts';
import { nodeOf, remoteOf, startCluster } from './support/cluster.ts';
import { eventually, pause } from './support/until.ts';

const LEASE_MS = 300;
const KEYS = Array.from({ length: 24 }, (_, index) => `key:${index}`);

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startCluster(0);
});

afterAll(() => cluster.stop());

/** Makes the agreement of every partition look as if nobody had confirmed it for longer than it holds. */
async function letLapse(name: string, partitions: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition++) {
    const { client } = await nodeOf(cluster, name, partition);
    const meta = `{${name}.${partition}}#meta`;
    if ((await client.hexists(meta, 'partitionsAt')) === 1) await client.hset(meta, 'partitionsAt', 0);
  }
}

test.each([
  [4, 6],
  [6, 4],
])('an instance with another number of partitions is refused: %i there, %i to come', async (there, coming) => {
  const name = uniqueName();
  const options = { name, coherence: { lease: LEASE_MS } } as const;
  const first = await openReady(options, remoteOf(cluster, there));
  await eventually(() => first.health().state).toBe('coherent');
  const second = openCache(options, remoteOf(cluster, coming));
  const errors: CacheError[] = [];
  second.on('error', (error) => errors.push(error));
  await eventually(() => errors).toContainEqual(
    expect.objectContaining({
      code: 'CONFIG_CONFLICT',
      facts: { store: 'remote', subject: 'redis.partitions', limit: there, actual: coming },
    }),
  );
  // What was proved before the other number was met runs out.
  await pause(2 * LEASE_MS);
  expect(second.health().state).toBe('suspect');
  await eventually(() => first.health().state).toBe('coherent');

  await first.setMany(KEYS.map((key) => ({ key, value: 'shared' })));
  expect(await second.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
  expect(await second.getOrSet('key:1', () => 'loaded')).toBe('loaded');
  expect(await second.set('key:2', 'own')).toMatchObject({ stored: false, delivered: false });
  expect(await second.delete('key:3')).toEqual({ delivered: false });
  await expect(second.mutate({ keys: ['key:4'] }, () => {})).rejects.toMatchObject({ code: 'FENCE_UNAVAILABLE' });
  await eventually(() => first.getMany(KEYS)).toEqual(KEYS.map(() => 'shared'));
  // It claims no partition that the first one has nothing to do with.
  expect((await first.mutate({ tags: ['t'] }, () => {}, { consistency: 'linearizable' })).linearized).toBe(true);

  await first.close();
  await letLapse(name, Math.max(there, coming));
  await eventually(() => second.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  // What others have kept under other partitions counts for nothing.
  expect(await second.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
});

test('an instance that is refused claims no partition, not even one whose state was lost', async () => {
  const name = uniqueName();
  const options = { name, coherence: { lease: LEASE_MS } } as const;
  const first = await openReady(options, remoteOf(cluster, 4));
  await eventually(() => first.health().state).toBe('coherent');
  const second = openCache(options, remoteOf(cluster, 6));
  const errors: CacheError[] = [];
  second.on('error', (error) => errors.push(error));
  // Several for each partition they have in common: from the first one on it only looks.
  await eventually(() => errors.length).toBeGreaterThanOrEqual(12);

  const claimed = (partition: number): Promise<string | null> =>
    nodeOf(cluster, name, partition).then(({ client }) => client.hget(`{${name}.${partition}}#meta`, 'partitions'));
  for (let partition = 0; partition < 6; partition++) {
    const { client } = await nodeOf(cluster, name, partition);
    await client.del(`{${name}.${partition}}#meta`);
  }
  await eventually(() => Promise.all([0, 1, 2, 3].map(claimed))).toEqual(['4', '4', '4', '4']);
  await pause(LEASE_MS);
  expect(await Promise.all([4, 5].map(claimed))).toEqual([null, null]);
  await eventually(() => first.health().state).toBe('coherent');
});

test('a number that comes back after another one finds nothing of its first time', async () => {
  const name = uniqueName();
  const options = { name, coherence: { lease: LEASE_MS } } as const;
  const use = async (partitions: number, values: (string | undefined)[], next: string): Promise<void> => {
    await letLapse(name, 6);
    const cache = await openReady(options, remoteOf(cluster, partitions));
    await eventually(() => cache.health().state).toBe('coherent');
    expect(await cache.getMany(KEYS)).toEqual(values);
    await eventually(async () => {
      const sets = await cache.setMany(KEYS.map((key) => ({ key, value: next })));
      return sets.every(({ stored }) => stored);
    }).toBe(true);
    await cache.close();
  };
  const nothing = KEYS.map(() => undefined);
  await use(6, nothing, 'of the first time');
  await use(4, nothing, 'newer');
  await use(6, nothing, 'newest');
});

test('instances that come and go within the time it holds keep what is stored', async () => {
  const name = uniqueName();
  const options = { name, coherence: { lease: LEASE_MS } } as const;
  const first = await openReady(options, remoteOf(cluster, 4));
  await eventually(async () => (await first.set('k', 'kept')).stored).toBe(true);
  await first.close();
  await pause(4 * LEASE_MS);
  const second = await openReady(options, remoteOf(cluster, 4));
  await eventually(() => second.get('k')).toBe('kept');
});
