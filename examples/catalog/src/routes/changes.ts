import type { DatabaseSync } from 'node:sqlite';
import type { FastifyInstance } from 'fastify';
import type { CachedCatalog } from '../cached-catalog.ts';
import { type CategoryPatch, changeCategory, changeProduct, type ProductPatch } from '../changes.ts';
import { type BuiltFrom, categoryKey, contentsKey, productKey } from '../versions.ts';
import { idParams } from './schemas.ts';

const text = { type: 'string', minLength: 1, maxLength: 200 } as const;

const PRODUCT_PATCH = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { name: text, priceCents: { type: 'integer', minimum: 1 }, stock: { type: 'integer', minimum: 0 } },
} as const;

const CATEGORY_PATCH = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { name: text, description: text },
} as const;

interface Id {
  readonly id: number;
}

/** What a change answers: the versions it led to, and whether every instance is sure to hear of it. */
export interface ChangeAnswer {
  readonly changed: BuiltFrom;
  readonly delivered: boolean;
}

/** Everything that can be changed: the database first, then the caches of all instances. */
export function registerChangeRoutes(app: FastifyInstance, database: DatabaseSync, cached: CachedCatalog): void {
  app.patch<{ Params: Id; Body: ProductPatch }>(
    '/products/:id',
    { schema: { params: idParams, body: PRODUCT_PATCH } },
    async ({ params: { id }, body }, reply): Promise<ChangeAnswer> => {
      const change = changeProduct(database, id, body);
      if (change === null) return reply.code(404).send({ error: 'no such product' });
      const delivered = await cached.productChanged(id, change, body);
      const { categoryId, version, contentsVersion } = change;
      return { changed: { [productKey(id)]: version, [contentsKey(categoryId)]: contentsVersion }, delivered };
    },
  );

  app.patch<{ Params: Id; Body: CategoryPatch }>(
    '/categories/:id',
    { schema: { params: idParams, body: CATEGORY_PATCH } },
    async ({ params: { id }, body }, reply): Promise<ChangeAnswer> => {
      const change = changeCategory(database, id, body);
      if (change === null) return reply.code(404).send({ error: 'no such category' });
      const delivered = await cached.categoryChanged(id);
      const { version, contentsVersion } = change;
      return { changed: { [categoryKey(id)]: version, [contentsKey(id)]: contentsVersion }, delivered };
    },
  );
}
