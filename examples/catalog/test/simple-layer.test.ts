import { inProcess, type PlainLayer } from 'tierwise';
import { expect, test } from 'vitest';
import { createCatalogCache, simplePlacement } from '../src/cache.ts';

test('simple keys go into the layer for them, and the rest to what all instances share', async () => {
  const items = new Map<string, Uint8Array>();
  const simple: PlainLayer = {
    name: 'map',
    connect: () => ({
      limits: { maxBatch: 100, maxValueBytes: 1_000_000, parts: 1 },
      partOf: () => 0,
      read: async (names) => names.map((name) => items.get(name)),
      write: async (writes) => {
        for (const { name, bytes } of writes) items.set(name, bytes);
        return writes.map(() => undefined);
      },
      close: async () => {},
    }),
  };
  await using cache = createCatalogCache('shop', inProcess(), undefined, simple);
  await cache.set('user:7', 'Ann');
  expect(items.size).toBe(0);
  await cache.keyspace('product:{id}:bought-together', simplePlacement(cache)).set({ id: 7 }, [1, 2]);
  expect(items.size).toBe(1);
});

test('without such a layer everything goes to the same place', async () => {
  await using cache = createCatalogCache('shop', inProcess());
  expect(simplePlacement(cache)).toEqual({});
});
