import { expect, onTestFinished, test } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { CacheError } from '../src/errors.ts';
import { inProcess } from '../src/in-process/remote.ts';
import type { CacheOptions } from '../src/options.ts';
import type { PlainLayer } from '../src/store/plain-store.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { HeldPlainStore } from './support/held-plain-store.ts';
import { Recording } from './support/recording.ts';

const AWAY = new CacheError('REMOTE_UNAVAILABLE', 'away');
const clock = new FakeClock();
const layerOf = (name: string, store: HeldPlainStore): PlainLayer => ({ name, connect: () => store });

interface Shop {
  readonly redis: ReturnType<typeof inProcess>;
  readonly simple: HeldPlainStore;
  readonly archive: HeldPlainStore;
}

function shop(): Shop {
  return { redis: inProcess(), simple: new HeldPlainStore(), archive: new HeldPlainStore() };
}

/** One instance over the layers of a shop; several of one shop are instances of one cache. */
async function openCache({ redis, simple, archive }: Shop, options: Partial<CacheOptions> = {}): Promise<Cache> {
  const cache = createCache({
    name: 'shop',
    ttl: '1h',
    memory: { maxEntries: 100 },
    stores: { redis, simple: layerOf('memcached', simple), archive: layerOf('disk', archive) },
    clock,
    ...options,
  });
  onTestFinished(() => cache.close());
  await cache.ready();
  return cache;
}

const nothing = (): never => {
  throw new Error('nobody should load');
};

test('a keyspace keeps its entries in the store it names, and nowhere else', async () => {
  const layers = shop();
  const [a, b] = [await openCache(layers), await openCache(layers)];
  const rates = (cache: Cache) => cache.keyspace('rate:{country}', { store: 'simple' });
  expect(await rates(a).getOrSet({ country: 'se' }, () => 11)).toBe(11);
  await settled();
  expect(layers.simple.items.size).toBe(1);
  expect(await rates(b).entry({ country: 'se' })).toMatchObject({ value: 11, layer: 'memcached' });
  expect(await b.keyspace('rate:{country}').get({ country: 'no' })).toBeUndefined();
  await a.getOrSet('user:7', () => 'Ann');
  await settled();
  expect(layers.simple.items.size).toBe(1);
  expect(await b.entry('user:7')).toMatchObject({ value: 'Ann', layer: 'in-process' });
});

test('an invalidation reaches an entry in whatever store it is', async () => {
  const layers = shop();
  const [a, b, late] = [await openCache(layers), await openCache(layers), await openCache(layers)];
  const rates = (cache: Cache) => cache.keyspace('rate:{country}', { store: 'simple', tags: () => ['rates'] });
  await rates(a).getOrSet({ country: 'se' }, () => 1);
  await settled();
  await b.delete('rate:se');
  await settled();
  expect(await rates(a).getOrSet({ country: 'se' }, () => 2)).toBe(2);
  await settled();
  expect(await rates(late).get({ country: 'se' })).toBe(2);
  await b.invalidateTags(['rates']);
  await settled();
  expect(await rates(late).get({ country: 'se' })).toBeUndefined();
});

test('a value that is set is read by the others, and is an event on its key', async () => {
  const layers = shop();
  const [a, b] = [await openCache(layers), await openCache(layers)];
  const rates = (cache: Cache) => cache.keyspace<'rate:{country}', number>('rate:{country}', { store: 'simple' });
  expect(await rates(a).set({ country: 'se' }, 1)).toEqual({ stored: true, outdated: false, delivered: true });
  expect(await rates(b).get({ country: 'se' })).toBe(1);
  await rates(b).set({ country: 'se' }, 2);
  await settled();
  expect([await rates(a).get({ country: 'se' }), await rates(b).get({ country: 'se' })]).toEqual([2, 2]);
});

test('a stack is read from the top, and what a lower layer has is copied up with what is left of its life', async () => {
  const layers = shop();
  const a = await openCache(layers, { layers: ['memory', 'simple', 'archive'], ttl: '1h' });
  await a.getOrSet('k', () => 'v');
  await settled();
  expect([layers.simple.items.size, layers.archive.items.size]).toEqual([1, 1]);
  layers.simple.items.clear();
  await clock.advance(60_000);
  const b = await openCache(layers, { layers: ['memory', 'simple', 'archive'] });
  expect(await b.entry('k')).toMatchObject({ value: 'v', layer: 'disk', expiresInMs: 3_540_000 });
  await settled();
  expect([...layers.simple.writes].at(-1)?.ttlMs).toBe(3_540_000);
  const c = await openCache(layers, { layers: ['memory', 'simple', 'archive'] });
  expect(await c.entry('k')).toMatchObject({ value: 'v', layer: 'memcached', expiresInMs: 3_540_000 });
  expect(c.stats().layers).toMatchObject({ simple: { hits: 1, misses: 0 }, archive: { hits: 0, misses: 0 } });
});

test('what is copied up late is never read once its key was invalidated', async () => {
  const layers = shop();
  const stack = { layers: ['memory', 'simple', 'archive'] };
  const [a, b] = [await openCache(layers, stack), await openCache(layers, stack)];
  await a.getOrSet('k', () => 'old');
  await settled();
  layers.simple.items.clear();
  layers.simple.isHolding = true;
  expect(await b.get('k')).toBe('old');
  await settled();
  await a.delete('k');
  layers.simple.release();
  await settled();
  const c = await openCache(layers, stack);
  expect(await c.get('k')).toBeUndefined();
});

test('a set goes through the whole stack under one event', async () => {
  const layers = shop();
  const stack = { layers: ['memory', 'simple', 'redis', 'archive'] };
  const [a, b] = [await openCache(layers, stack), await openCache(layers, stack)];
  expect(await a.set('k', 'v')).toMatchObject({ stored: true });
  expect(a.stats().invalidations.sent).toBe(1);
  expect(await b.entry('k')).toMatchObject({ value: 'v', layer: 'memcached' });
  layers.simple.items.clear();
  layers.archive.items.clear();
  const c = await openCache(layers, stack);
  expect(await c.entry('k')).toMatchObject({ value: 'v', layer: 'in-process' });
  await settled();
  expect(layers.simple.items.size).toBe(1);
});

test('a layer that is away is left out, counted, and the next one answers', async () => {
  const layers = shop();
  const stack = { layers: ['memory', 'simple', 'archive'] };
  const a = await openCache(layers, stack);
  await a.getOrSet('k', () => 'v');
  await settled();
  layers.simple.fault = AWAY;
  const b = await openCache(layers, stack);
  expect(await b.entry('k')).toMatchObject({ value: 'v', layer: 'disk' });
  expect(b.stats().layers['simple']?.errors).toBeGreaterThan(0);
  expect(b.stats().layers['archive']).toMatchObject({ hits: 1, errors: 0 });
  expect(b.health().state).toBe('coherent');
});

test('a layer that answers nothing is left alone for a second, and then tried again', async () => {
  const layers = shop();
  const a = await openCache(layers, { store: 'simple' });
  layers.simple.fault = AWAY;
  for (let i = 0; i < 20; i++) expect(await a.getOrSet(`k:${i}`, () => i)).toBe(i);
  const { skipped = 0, errors = 0 } = a.stats().layers['simple'] ?? {};
  expect(layers.simple.calls).toBe(5);
  expect(errors - skipped).toBe(5);
  layers.simple.fault = undefined;
  await clock.advance(1_001);
  expect(await a.getOrSet('after', () => 'v')).toBe('v');
  await settled();
  expect(await (await openCache(layers, { store: 'simple' })).get('after')).toBe('v');
});

test('what each layer stored is counted there: what was loaded, what was set, and copies from below', async () => {
  const layers = shop();
  const stack = { layers: ['memory', 'simple', 'redis'] };
  const a = await openCache(layers, { store: 'redis' });
  await a.getOrSet('loaded', () => 1);
  await a.set('written', 2);
  await settled();
  expect(a.stats().layers).toMatchObject({ redis: { stored: 2 }, simple: { stored: 0 } });
  const b = await openCache(layers, stack);
  expect(await b.get('loaded')).toBe(1);
  await b.set('written', 3);
  await b.getOrSet('more', () => 4);
  await settled();
  expect(b.stats().layers).toMatchObject({ redis: { stored: 2 }, simple: { stored: 3 }, archive: { stored: 0 } });
});

// Symptom: what a layer could not serve was a miss of it and an error, and its span said 'miss'.
test('a key that a layer could not serve is an error of it and no miss, and the keys beside it are what they are', async () => {
  const layers = { ...shop(), simple: new HeldPlainStore(2) };
  const a = await openCache(layers, { store: 'simple' });
  for (const key of ['k:0', 'k:1']) await a.getOrSet(key, () => key);
  await settled();
  layers.simple.fault = AWAY;
  layers.simple.faultyPart = 1;
  const telemetry = new Recording();
  const b = await openCache(layers, { store: 'simple', telemetry });
  expect(await b.getMany(['k:0', 'k:1', 'k:2'])).toEqual(['k:0', undefined, undefined]);
  expect(b.stats().layers['simple']).toMatchObject({ hits: 1, misses: 1, errors: 1 });
  telemetry.clear();
  await b.get('k:1');
  const results = telemetry.named('cache.layer.get').map(({ attributes }) => attributes['cache.result']);
  expect(results).toEqual(['miss', 'error']);
});

test('memory keeps what a layer could not take', async () => {
  const layers = shop();
  const a = await openCache(layers, { store: 'simple' });
  layers.simple.fault = AWAY;
  await a.getOrSet('loaded', () => 1);
  expect(await a.set('written', 2)).toEqual({ stored: false, outdated: false, delivered: true });
  await settled();
  expect([await a.getOrSet('loaded', nothing), await a.get('written')]).toEqual([1, 2]);
});

test('a value too large for a layer stays in memory and goes to the others', async () => {
  const layers = shop();
  const large = 'x'.repeat(20_000);
  const stack = { layers: ['memory', 'simple', 'redis'] };
  const a = await openCache(layers, stack);
  await a.getOrSet('k', () => large);
  await settled();
  expect(layers.simple.items.size).toBe(0);
  expect(await (await openCache(layers, stack)).entry('k')).toMatchObject({ layer: 'in-process' });
});

test('a version is refused where no layer can compare', async () => {
  const layers = shop();
  const simple = await openCache(layers, { store: 'simple' });
  await expect(simple.set('k', 1, { version: 3 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  const stacked = await openCache(layers, { layers: ['memory', 'simple', 'redis'] });
  expect(await stacked.set('k', 5, { version: 5 })).toMatchObject({ stored: true });
  expect(await stacked.set('k', 4, { version: 4 })).toMatchObject({ outdated: true });
  await settled();
  expect(await (await openCache(layers, { layers: ['memory', 'simple', 'redis'] })).get('k')).toBe(5);
});

test('getMany asks each layer only for what those above it do not have', async () => {
  const layers = shop();
  const stack = { layers: ['memory', 'simple', 'archive'] };
  const a = await openCache(layers, stack);
  await Promise.all(['a', 'b', 'c'].map((key) => a.getOrSet(key, () => key)));
  await settled();
  for (const name of [...layers.simple.items.keys()]) if (!name.endsWith(':a')) layers.simple.items.delete(name);
  const b = await openCache(layers, stack);
  expect(await b.getMany(['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', undefined]);
  expect(b.stats().layers).toMatchObject({ simple: { hits: 1, misses: 3 }, archive: { hits: 2, misses: 1 } });
});

test('options that name layers are checked', () => {
  const { redis, simple } = shop();
  const stores = { redis, simple: layerOf('memcached', simple) };
  const base = { name: 'shop', ttl: '1h' as const, memory: { maxEntries: 10 }, clock };
  const invalid = expect.objectContaining({ code: 'INVALID_OPTIONS' });
  const expectRefused = (options: object) => expect(() => createCache({ ...base, ...options })).toThrow(invalid);
  expectRefused({ stores, remote: redis });
  expectRefused({ stores: {} });
  expectRefused({ stores: { simple: stores.simple } });
  expectRefused({ stores: { redis, other: inProcess() } });
  expectRefused({ stores: { redis, memory: stores.simple } });
  expectRefused({ stores: { redis, simple: {} } });
  expectRefused({ stores, store: 'other' });
  expectRefused({ store: 'redis' });
  expectRefused({ stores, store: 'redis', layers: ['memory', 'redis'] });
  expectRefused({ stores, layers: ['redis'] });
  expectRefused({ stores, layers: ['memory'] });
  expectRefused({ stores, layers: ['memory', 'redis', 'redis'] });
  const cache = createCache({ ...base, stores });
  onTestFinished(() => cache.close());
  expect(() => cache.keyspace('k:{id}', { store: 'other' })).toThrow(invalid);
  expect(() => cache.keyspace('k:{id}', { layers: ['memory', 'other'] })).toThrow(invalid);
});
