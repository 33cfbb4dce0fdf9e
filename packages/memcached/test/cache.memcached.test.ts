import { type Cache, type CacheOptions, createCache, type Duration } from 'tierwise';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Server, startMemcached, startRedis } from '../../../scripts/servers/index.ts';
import { redis } from '../../redis/src/index.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { memcached } from '../src/index.ts';

/** Long enough for a machine that stands still for a moment; what tests want to see run out, they wait for. */
const LEASE_MS = 3_000;

let authority: Server;
let server: Server;
let names = 0;
const open: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [authority, server] = await Promise.all([startRedis(), startMemcached()]);
});

afterAll(() => Promise.all([authority.stop(), server.stop()]));

afterEach(async () => {
  for (const dispose of open.splice(0).reverse()) await dispose();
});

interface Where {
  readonly name: string;
  readonly redisUrl?: string;
  readonly servers?: string;
  readonly commandTimeout?: Duration;
}

/** One instance with everything in Memcached; those of one name are instances of one cache. */
async function openCache(where: Where, options: Partial<CacheOptions> = {}): Promise<Cache> {
  const { name, redisUrl = authority.url, servers = `127.0.0.1:${server.port}`, commandTimeout = '5s' } = where;
  const cache = createCache({
    name,
    ttl: '1m',
    memory: { maxEntries: 1_000 },
    stores: { redis: redis({ url: redisUrl, commandTimeout: '5s' }), simple: memcached({ servers, commandTimeout }) },
    store: 'simple',
    coherence: { lease: LEASE_MS },
    ...options,
  });
  open.push(() => cache.close());
  await cache.ready();
  await expect.poll(() => cache.health().state).toBe('coherent');
  return cache;
}

async function proxyBefore({ host, port }: Server): Promise<FaultProxy> {
  const proxy = await FaultProxy.start({ target: { host, port } });
  open.push(() => proxy.stop());
  return proxy;
}

const unique = (): string => `memcached-test-${process.pid}-${names++}`;
const nobody = (): never => {
  throw new Error('nobody should load');
};

test('instances share what one has loaded or set, and forget what one deletes', async () => {
  const name = unique();
  const [a, b] = [await openCache({ name }), await openCache({ name })];
  await a.getOrSet('k', () => 1);
  await expect.poll(() => b.entry('k')).toMatchObject({ value: 1, layer: 'memcached' });
  await a.delete('k');
  await expect.poll(() => b.peek('k')).toBeUndefined();
  expect(await b.getOrSet('k', () => 2)).toBe(2);
  expect(await b.set('k', 3)).toEqual({ stored: true, outdated: false, delivered: true });
  await expect.poll(() => a.get('k')).toBe(3);
  expect(await (await openCache({ name })).getOrSet('k', nobody)).toBe(3);
});

test('an instance that starts later finds what the others have stored', async () => {
  const name = unique();
  const a = await openCache({ name });
  for (const first of [0, 50, 100, 150]) {
    await a.setMany(Array.from({ length: 50 }, (_, i) => ({ key: `k:${first + i}`, value: first + i })));
  }
  const late = await openCache({ name });
  const values = await late.getMany(Array.from({ length: 200 }, (_, i) => `k:${i}`));
  const found = values.filter((value, i) => value === i).length;
  // Keys whose bucket a later one has voided are misses, and those alone.
  expect(found).toBeGreaterThan(190);
  expect(values.every((value, i) => value === i || value === undefined)).toBe(true);
});

test('Memcached cut off: the loader answers, memory goes on, and it is used again when it is back', async () => {
  const proxy = await proxyBefore(server);
  const cache = await openCache({ name: unique(), servers: `127.0.0.1:${proxy.port}` });
  await cache.getOrSet('before', () => 1);
  proxy.cut('reset', 'refused');
  for (let i = 0; i < 30; i++) expect(await cache.getOrSet(`during:${i}`, () => i)).toBe(i);
  expect(await cache.getOrSet('during:0', nobody)).toBe(0);
  expect(await cache.set('during:0', 'new')).toEqual({ stored: false, outdated: false, delivered: true });
  expect(await cache.get('during:0')).toBe('new');
  expect(cache.health().state).toBe('coherent');
  const { errors = 0, skipped = 0 } = cache.stats().layers['simple'] ?? {};
  expect(errors).toBeGreaterThan(skipped);
  expect(skipped).toBeGreaterThan(0);
  proxy.resume();
  await expect.poll(async () => (await cache.set('after', 2)).stored).toBe(true);
});

test('Memcached silent or slow: every read is answered', async () => {
  const proxy = await proxyBefore(server);
  const cache = await openCache({ name: unique(), servers: `127.0.0.1:${proxy.port}`, commandTimeout: '200ms' });
  await cache.getOrSet('before', () => 1);
  proxy.slow({ delayMs: 300 });
  for (let i = 0; i < 3; i++) expect(await cache.getOrSet(`slow:${i}`, () => i)).toBe(i);
  proxy.resume();
  proxy.silence();
  for (let i = 0; i < 3; i++) expect(await cache.getOrSet(`silent:${i}`, () => i)).toBe(i);
  proxy.resume();
  await expect.poll(async () => (await cache.set('after', 2)).stored).toBe(true);
});

test('Memcached full: what it refuses is told, counted and kept in memory', async () => {
  const full = await startMemcached({ args: ['-m', '2', '-M'] });
  open.push(() => full.stop());
  const cache = await openCache({ name: unique(), servers: `127.0.0.1:${full.port}` });
  const codes = new Set<string>();
  cache.on('error', (error) => codes.add(error.code));
  let refused = 0;
  for (let i = 0; i < 60; i++) {
    const { stored, delivered } = await cache.set(`k:${i}`, 'x'.repeat(100_000));
    expect(delivered).toBe(true);
    if (!stored) refused++;
  }
  expect(refused).toBeGreaterThan(0);
  expect(codes).toEqual(new Set(['REMOTE_REJECTED']));
  expect(await cache.getOrSet('k:59', nobody)).toBe('x'.repeat(100_000));
});

test('a value between what the cache sends and what Memcached takes is told of, and its server never asked', async () => {
  const cache = await openCache({ name: unique() });
  const told: unknown[] = [];
  const errors: unknown[] = [];
  cache.on('oversize', (event) => told.push(event));
  cache.on('error', (error) => errors.push(error));
  const value = 'x'.repeat(1_045_000);
  expect(await cache.set('k', value)).toEqual({ stored: false, outdated: false, delivered: true });
  await cache.getOrSet('l', () => value);
  await expect.poll(() => cache.stats().layers['simple']?.oversized).toBe(2);
  expect(told).toMatchObject([{ layer: 'simple' }, { layer: 'simple' }]);
  expect(errors).toEqual([]);
  expect(await cache.set('k', 'x'.repeat(1_030_000))).toMatchObject({ stored: true });
});

test('Memcached restarted: what it lost is loaded again', async () => {
  const own = await startMemcached();
  open.push(() => own.stop());
  const name = unique();
  const cache = await openCache({ name, servers: `127.0.0.1:${own.port}` });
  await cache.set('k', 1);
  await own.kill();
  await own.restart();
  const other = await openCache({ name, servers: `127.0.0.1:${own.port}` });
  expect(await other.getOrSet('k', () => 2)).toBe(2);
  await expect.poll(async () => (await other.set('k', 3)).stored).toBe(true);
});

test('Redis cut off: nothing in Memcached is believed once the proof is over', async () => {
  const proxy = await proxyBefore(authority);
  const name = unique();
  const cut = await openCache({ name, redisUrl: proxy.url });
  const other = await openCache({ name });
  await other.set('k', 'old');
  proxy.cut('reset', 'refused');
  await expect.poll(() => cut.health().state).not.toBe('coherent');
  await other.delete('k');
  expect(await cut.getOrSet('k', () => 'from the source')).toBe('from the source');
  proxy.resume();
  await expect.poll(() => cut.health().state).toBe('coherent');
  expect(await cut.getOrSet('other', () => 1)).toBe(1);
});

test('a Redis that starts anew leaves nothing to be found', async () => {
  const own = await startRedis();
  open.push(() => own.stop());
  const name = unique();
  const cache = await openCache({ name, redisUrl: own.url });
  await cache.set('k', 'old');
  await own.kill();
  await own.restart();
  await expect.poll(() => cache.health().state).toBe('coherent');
  await expect.poll(async () => (await openCache({ name, redisUrl: own.url })).getOrSet('k', () => 'new')).toBe('new');
});

test('keyspaces choose: rates in Memcached before Redis, the rest in Redis', async () => {
  const name = unique();
  const [a, b] = [await openCache({ name }, { store: 'redis' }), await openCache({ name }, { store: 'redis' })];
  const rates = (cache: Cache) => cache.keyspace('rate:{country}', { layers: ['memory', 'simple', 'redis'] });
  await rates(a).getOrSet({ country: 'se' }, () => 11);
  await a.getOrSet('user:7', () => 'Ann');
  // Read before, it would be found in Redis and kept in memory.
  await expect.poll(() => a.stats().layers).toMatchObject({ redis: { stored: 2 }, simple: { stored: 1 } });
  expect(await rates(b).entry({ country: 'se' })).toMatchObject({ value: 11, layer: 'memcached' });
  expect(await b.entry('user:7')).toMatchObject({ value: 'Ann', layer: 'redis' });
  expect(b.stats().layers).toMatchObject({ redis: { name: 'redis' }, simple: { name: 'memcached', hits: 1 } });
});
