import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { Cache, Remote } from 'tierwise';
import { createApp } from '../src/app.ts';
import { createCatalogCache } from '../src/cache.ts';
import { openDatabase } from '../src/database.ts';
import { generateShop, type ShopSize } from '../src/seed.ts';

/** Rows enough for every route to have something to show. */
export const SMALL_SHOP: ShopSize = { categories: 5, products: 100, users: 20, reviews: 1000, orders: 300 };

/** An answer as tests compare it. */
export interface TestAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly queries: string | undefined;
}

/** One instance of the shop without a socket. */
export interface TestInstance {
  readonly app: FastifyInstance;
  readonly cache: Cache;
  get(path: string, how?: 'cached' | 'bypass'): Promise<TestAnswer>;
  patch(path: string, body: object): Promise<TestAnswer>;
}

/** Several instances on one database file. */
export interface TestShop {
  readonly instances: readonly [TestInstance, TestInstance];
  close(): Promise<void>;
}

/** Two instances of a small shop; each gets its own `remote()`. */
export async function openShop(cacheName: string, remote: () => Remote): Promise<TestShop> {
  const dir = mkdtempSync(join(tmpdir(), 'tierwise-catalog-test-'));
  const file = join(dir, 'shop.db');
  generateShop(file, 1, SMALL_SHOP);
  const databases: DatabaseSync[] = [];
  const open = async (): Promise<TestInstance> => {
    const database = openDatabase(file);
    databases.push(database);
    const cache = createCatalogCache(cacheName, remote());
    await cache.ready();
    return createInstance(createApp({ database, cache }), cache);
  };
  const instances = [await open(), await open()] as const;
  return {
    instances,
    async close() {
      for (const { app, cache } of instances) {
        await app.close();
        await cache.close();
      }
      for (const database of databases) database.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function createInstance(app: FastifyInstance, cache: Cache): TestInstance {
  const send = (options: InjectOptions): Promise<LightMyRequestResponse> => app.inject(options);
  return {
    app,
    cache,
    async get(url, how = 'cached') {
      const headers = how === 'bypass' ? { 'x-cache': 'bypass' } : {};
      const response = await send({ method: 'GET', url, headers });
      const queries = response.headers['x-queries'];
      return { status: response.statusCode, body: response.json(), queries: queries?.toString() };
    },
    async patch(url, body) {
      const response = await send({ method: 'PATCH', url, body });
      return { status: response.statusCode, body: response.json(), queries: undefined };
    },
  };
}
