/**
 * What each eviction policy of Redis keeps for tierwise: three instances with small memories, a Redis too small for all
 * entries, visitors by Zipf's law and a crawler. `npm run measure:eviction`, or with the names of some policies.
 */
import { redis } from '@tierwise/redis';
import { type Cache, createCache } from 'tierwise';
import { createRandom, createZipf } from '../examples/catalog/src/random.ts';
import { runCommand, startRedis } from './servers/index.ts';

const POLICIES = ['volatile-lfu', 'allkeys-lfu', 'allkeys-lru', 'volatile-lru', 'volatile-ttl', 'allkeys-random'];
const REDIS_MEMORY = '24mb';
const INSTANCES = 3;
const ENTRIES_IN_MEMORY = 1500;
const KEYS = 60_000;
const EXPONENT = 0.9;
const VALUE = 'x'.repeat(900);
const READS = 120_000;
const READS_AT_ONCE = 30;
/** Every fifth read is the crawler's, which asks for everything once. */
const CRAWLER_EVERY = 5;
const DELETE_EVERY_READS = 300;
const SEED = 7;

interface Totals {
  readonly asked: number;
  readonly hits: number;
  readonly resyncs: number;
}

function totals(caches: readonly Cache[]): Totals {
  const stats = caches.map((cache) => cache.stats());
  const sum = (of: (each: (typeof stats)[number]) => number): number => stats.reduce((all, each) => all + of(each), 0);
  return {
    asked: sum(({ remote }) => remote.hits + remote.misses),
    hits: sum(({ remote }) => remote.hits),
    resyncs: sum(({ invalidations }) => invalidations.resyncs),
  };
}

/** Puts the load on, and answers with the totals at half of it and at its end. */
async function run(caches: readonly Cache[]): Promise<{ readonly half: Totals; readonly end: Totals }> {
  const random = createRandom(SEED);
  const popular = createZipf(random, KEYS, EXPONENT);
  let crawled = 0;
  let half: Totals | undefined;
  for (let read = 0; read < READS; read += READS_AT_ONCE) {
    if (read >= READS / 2) half ??= totals(caches);
    const batch = Array.from({ length: READS_AT_ONCE }, (_, index) => {
      const key = index % CRAWLER_EVERY === 0 ? `crawled:${crawled++}` : `popular:${popular()}`;
      return caches[(read + index) % INSTANCES]?.getOrSet(key, () => VALUE + key);
    });
    await Promise.all(batch);
    if (read % DELETE_EVERY_READS === 0) await caches[0]?.delete(`popular:${popular()}`);
  }
  return { half: half ?? totals(caches), end: totals(caches) };
}

async function measure(policy: string): Promise<string> {
  const args = ['--maxmemory', REDIS_MEMORY, '--maxmemory-policy', policy, '--maxmemory-samples', '10'];
  await using server = await startRedis({ args });
  const caches = Array.from({ length: INSTANCES }, () =>
    createCache({
      name: 'eviction',
      ttl: '1h',
      memory: { maxEntries: ENTRIES_IN_MEMORY },
      remote: redis({ url: server.url }),
    }),
  );
  await Promise.all(caches.map((cache) => cache.ready()));
  const { half, end } = await run(caches);
  await Promise.all(caches.map((cache) => cache.close()));
  const ratio = (end.hits - half.hits) / (end.asked - half.asked);
  // Each instance resyncs once at its start.
  return `${policy.padEnd(16)} ${(ratio * 100).toFixed(1).padStart(5)} %  ${end.resyncs - INSTANCES}`;
}

await runCommand(async () => {
  const chosen = process.argv.slice(2);
  console.log('policy           hits of reads that reached Redis, times a memory was emptied');
  for (const policy of chosen.length > 0 ? chosen : POLICIES) console.log(await measure(policy));
  return 0;
});
