import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Cache, type CacheOptions, createCache } from 'tierwise';
import { inject, onTestFinished } from 'vitest';
import { type RedisRemoteOptions, redis } from '../../src/index.ts';
import { eventually } from './until.ts';

/** A cache name that no other test uses. */
export function uniqueName(): string {
  return `t-${randomUUID()}`;
}

/**
 * A cache on Redis that is closed with the test. Lease and deadline are long where they are not what the test is about: on a
 * busy machine a process can stand still for seconds.
 */
export function openCache(
  options: Partial<CacheOptions> & { readonly name: string },
  remote: RedisRemoteOptions = { url: inject('redisUrl') },
): Cache {
  const cache = createCache({
    ttl: '5m',
    memory: { maxEntries: 10_000 },
    remote: redis({ commandTimeout: '10s', ...remote }),
    coherence: { lease: '10s' },
    ...options,
  });
  onTestFinished(() => cache.close());
  return cache;
}

/** The same, connected: what is set before may not be stored. */
export async function openReady(...args: Parameters<typeof openCache>): Promise<Cache> {
  const cache = openCache(...args);
  await cache.ready();
  return cache;
}

/** A plain client that is disconnected with the test. */
export function openClient(url: string = inject('redisUrl')): Redis {
  const client = new Redis(url, { replyMapping: 'legacy', maxRetriesPerRequest: 0, retryStrategy: () => 100 });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** Waits until `count` instances of a cache hear its messages: a bus may come up after `ready()`. */
export async function subscribed(cacheName: string, count: number, client: Redis = openClient()): Promise<void> {
  await eventually(async () => ((await client.pubsub('NUMSUB', `${cacheName}#bus:0`)) as unknown[])[1]).toBe(count);
}

/** Ends the connections of a cache for one role, as the server sees them. Answers how many there were. */
export async function killLinks(client: Redis, cacheName: string, role: string): Promise<number> {
  const list = String(await client.client('LIST'));
  const ids = list
    .split('\n')
    .filter((line) => line.includes(` name=tierwise:${cacheName}:${role} `))
    .map((line) => /\bid=(\d+)/.exec(line)?.[1] ?? '');
  for (const id of ids) await client.call('CLIENT', 'KILL', 'ID', id);
  return ids.length;
}

/**
 * Has `from` set a value and all of `to` read it. Tried again where a busy machine kept one of them from a proof in time:
 * what they then answer is right, but not where a test wants to begin.
 */
export async function share(
  from: Cache,
  to: readonly Cache[],
  [key, value, tags = []]: readonly [key: string, value: unknown, tags?: readonly string[]],
): Promise<void> {
  await eventually(async () => {
    await from.set(key, value, { tags });
    // What waits in the journal would forget the value again.
    if (from.health().journaled > 0) return [];
    return Promise.all(to.map((cache) => cache.get(key)));
  }).toEqual(to.map(() => value));
}
