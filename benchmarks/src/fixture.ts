import { redis } from '@tierwise/redis';
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type Cache, createCache } from 'tierwise';

export const KEYS: readonly string[] = Array.from({ length: 1_000 }, (_, index) => `user:${index}`);

/** How many calls are under way at once where a scenario says so. */
export const AT_ONCE = 50;

/** What all subjects hold; about 120 bytes as JSON. */
export interface User {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly isActive: boolean;
}

export function user(id: number): User {
  return { id, name: `User ${id}`, email: `user${id}@example.com`, roles: ['reader', 'writer'], isActive: true };
}

/** The key of the `index`th operation. */
export function keyAt(index: number): string {
  return KEYS[index % KEYS.length] as string;
}

/** Everything the scenarios measure, filled with the same values. */
export interface Fixture extends AsyncDisposable {
  readonly lru: LRUCache<string, User>;
  readonly ioredis: Redis;
  /** Holds all keys in memory. */
  readonly cache: Cache;
  /** Holds one entry in memory, so that its reads are answered by Redis. */
  readonly shared: Cache;
}

const BARE_PREFIX = 'bare:';

export function bareKeyAt(index: number): string {
  return BARE_PREFIX + keyAt(index);
}

export async function createFixture(url: string): Promise<Fixture> {
  const lru = new LRUCache<string, User>({ max: 10_000, ttl: 300_000 });
  const ioredis = new Redis(url);
  const create = (maxEntries: number): Cache =>
    createCache({ name: 'bench', ttl: '5m', memory: { maxEntries }, remote: redis({ url }) });
  const cache = create(10_000);
  const shared = create(1);
  await Promise.all([cache.ready(), shared.ready()]);
  for (const [index, key] of KEYS.entries()) {
    lru.set(key, user(index));
    await ioredis.set(BARE_PREFIX + key, JSON.stringify(user(index)));
  }
  await fill(cache);
  return {
    lru,
    ioredis,
    cache,
    shared,
    async [Symbol.asyncDispose]() {
      await Promise.all([cache.close(), shared.close()]);
      ioredis.disconnect();
    },
  };
}

/** Puts all keys into memory and Redis. */
export async function fill(cache: Cache): Promise<void> {
  const results = await cache.setMany(KEYS.map((key, index) => ({ key, value: user(index) })));
  if (!results.every(({ stored }) => stored)) throw new Error('the fixture could not be filled');
}

/** Runs `call` for every index below `operations`, so many at once. */
export async function inBatches(operations: number, call: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < operations; from += AT_ONCE) {
    const calls: Promise<unknown>[] = [];
    for (let index = from; index < Math.min(from + AT_ONCE, operations); index++) calls.push(call(index));
    await Promise.all(calls);
  }
}
