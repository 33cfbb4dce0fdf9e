import { expect, onTestFinished, test } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import type { CacheEvents } from '../src/emitter.ts';
import { inProcess } from '../src/in-process/remote.ts';
import type { CacheOptions } from '../src/options.ts';
import { expectCode } from './support/codes.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { HeldPlainStore } from './support/held-plain-store.ts';

// Every HeldPlainStore takes envelopes of up to 10,000 bytes.
const LIMIT = 10_000;
const LARGE = 'x'.repeat(LIMIT);
const STACK = { layers: ['memory', 'simple', 'redis'] };
const clock = new FakeClock();

type Oversize = CacheEvents['oversize'];

interface Shop {
  readonly redis: ReturnType<typeof inProcess>;
  readonly simple: HeldPlainStore;
}

async function openCache(shop: Shop, options: Partial<CacheOptions> = {}): Promise<{ cache: Cache; told: Oversize[] }> {
  const { redis, simple } = shop;
  const cache = createCache({
    name: 'oversize',
    ttl: '1h',
    memory: { maxEntries: 100 },
    stores: { redis, simple: { name: 'memcached', connect: () => simple } },
    clock,
    ...options,
  });
  onTestFinished(() => cache.close());
  await cache.ready();
  const told: Oversize[] = [];
  cache.on('oversize', (event) => told.push(event));
  return { cache, told };
}

const newShop = (): Shop => ({ redis: inProcess(), simple: new HeldPlainStore() });

test('a value that one layer cannot take is told of with the name of its store, counted there, and goes to the others', async () => {
  const shop = newShop();
  const { cache, told } = await openCache(shop, STACK);
  await cache.getOrSet('loaded', () => LARGE);
  await settled();
  expect(await cache.set('written', LARGE)).toMatchObject({ stored: true });
  expect(told).toEqual([
    { layer: 'simple', bytes: expect.any(Number), limit: LIMIT },
    { layer: 'simple', bytes: expect.any(Number), limit: LIMIT },
  ]);
  expect(told.every(({ bytes }) => bytes > LIMIT)).toBe(true);
  const { layers, remote } = cache.stats();
  expect([layers['simple']?.oversized, layers['redis']?.oversized, remote.oversized]).toEqual([2, 0, 2]);
  expect(shop.simple.items.size).toBe(0);
  const { cache: other } = await openCache(shop, STACK);
  expect(await other.entry('loaded')).toMatchObject({ value: LARGE, layer: 'in-process' });
  expect(await other.entry('written')).toMatchObject({ value: LARGE, layer: 'in-process' });
});

test('where no layer can take it, it is told of, invalidated everywhere else, and kept in memory', async () => {
  const shop = newShop();
  const [a, b] = [await openCache(shop, { store: 'simple' }), await openCache(shop, { store: 'simple' })];
  await b.cache.set('k', 'old');
  expect(await a.cache.set('k', LARGE)).toEqual({ stored: false, outdated: false, delivered: true });
  expect(a.cache.peek('k')).toBe(LARGE);
  expect(a.told).toMatchObject([{ layer: 'simple', limit: LIMIT }]);
  await settled();
  expect(await b.cache.get('k')).toBeUndefined();
});

test('what is copied up and does not fit is told of too', async () => {
  const shop = newShop();
  const { cache: writer } = await openCache(shop, { store: 'redis' });
  await writer.set('k', LARGE);
  const { cache, told } = await openCache(shop, { ...STACK, onOversize: 'throw' });
  expect(await cache.get('k')).toBe(LARGE);
  await settled();
  expect(told).toMatchObject([{ layer: 'simple' }]);
  expect(cache.stats().layers['simple']?.oversized).toBe(1);
});

test('a value over maxValueBytes is counted in every layer that would have got it, and told of once', async () => {
  const { cache, told } = await openCache(newShop(), { ...STACK, maxValueBytes: 500 });
  await cache.set('written', 'x'.repeat(600));
  await cache.getOrSet('loaded', () => 'x'.repeat(600));
  await settled();
  expect(told).toMatchObject([{ limit: 500 }, { limit: 500 }]);
  expect(told.map(({ layer }) => layer)).toEqual([undefined, undefined]);
  const { layers, remote } = cache.stats();
  expect([layers['simple']?.oversized, layers['redis']?.oversized, remote.oversized]).toEqual([2, 2, 4]);
});

test('where that is asked for, what one layer cannot take is refused before anything is written', async () => {
  const { cache, told } = await openCache(newShop(), { ...STACK, onOversize: 'throw' });
  await cache.set('k', 'small');
  const error = await expectCode('VALUE_TOO_LARGE', () => cache.set('k', LARGE));
  expect(error.facts).toEqual({ subject: 'stores.simple', limit: LIMIT, actual: expect.any(Number) });
  expect(error.facts.actual).toBeGreaterThan(LIMIT);
  expect(await cache.get('k')).toBe('small');
  await expectCode('VALUE_TOO_LARGE', () =>
    cache.setMany([
      { key: 'k', value: 1 },
      { key: 'l', value: LARGE },
    ]),
  );
  expect(await cache.get('k')).toBe('small');
  await expectCode('VALUE_TOO_LARGE', () => cache.getOrSet('m', () => LARGE));
  const elsewhere = cache.keyspace('big:{id}', { store: 'redis' });
  expect(await elsewhere.set({ id: 1 }, LARGE)).toMatchObject({ stored: true });
  expect(told).toEqual([]);
});

test('the limit of a layer is on the whole entry, its tags included, and what just fits is stored', async () => {
  const shop = newShop();
  const { cache } = await openCache(shop, { store: 'simple', onOversize: 'throw' });
  const tags = ['t'.repeat(300)];
  // Grows until it is refused: the last one that was taken is as large as the layer allows.
  let length = LIMIT - 500;
  for (;;) {
    const fits = await cache.set('k', 'x'.repeat(length), { tags }).then(
      ({ stored }) => stored,
      () => undefined,
    );
    if (fits === undefined) break;
    expect(fits).toBe(true);
    length++;
  }
  expect(Math.max(...[...shop.simple.items.values()].map(({ byteLength }) => byteLength))).toBe(LIMIT);
});
