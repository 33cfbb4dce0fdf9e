import type { FastifyInstance } from 'fastify';
import { builtFrom } from '../versions.ts';
import { idParams, page } from './schemas.ts';

const LISTING_QUERY = {
  type: 'object',
  required: ['category'],
  properties: {
    category: { type: 'integer', minimum: 1 },
    minPrice: { type: 'integer', minimum: 0, default: 0 },
    maxPrice: { type: 'integer', minimum: 0, default: 1_000_000_00 },
    minRating: { type: 'number', minimum: 0, maximum: 5, default: 0 },
    page,
  },
} as const;

const SEARCH_QUERY = {
  type: 'object',
  required: ['q'],
  properties: { q: { type: 'string', minLength: 2, maxLength: 60 }, page },
} as const;

interface ListingQuery {
  readonly category: number;
  readonly minPrice: number;
  readonly maxPrice: number;
  readonly minRating: number;
  readonly page: number;
}

interface Id {
  readonly id: number;
}

/** Everything that can be read. Each answer says in `builtFrom` which versions of products and categories it shows. */
export function registerReadRoutes(app: FastifyInstance): void {
  app.get<{ Params: Id }>('/products/:id', { schema: { params: idParams } }, async ({ catalog, params }, reply) => {
    const [product, togetherIds] = await Promise.all([catalog.product(params.id), catalog.boughtTogether(params.id)]);
    if (product === null) return reply.code(404).send({ error: 'no such product' });
    const [category, boughtTogether] = await Promise.all([
      catalog.category(product.categoryId),
      catalog.cards(togetherIds),
    ]);
    const versions = builtFrom({ products: [product, ...boughtTogether], categories: [category] });
    return { product, category, boughtTogether, builtFrom: versions };
  });

  app.get<{ Querystring: ListingQuery }>(
    '/products',
    { schema: { querystring: LISTING_QUERY } },
    async ({ catalog, query }, reply) => {
      const filter = {
        categoryId: query.category,
        minPriceCents: query.minPrice,
        maxPriceCents: query.maxPrice,
        minRating: query.minRating,
        page: query.page,
      };
      const [category, listing] = await Promise.all([catalog.category(query.category), catalog.listing(filter)]);
      if (category === null) return reply.code(404).send({ error: 'no such category' });
      const { items, total, contentsVersion } = listing;
      const contents = { categoryId: category.id, contentsVersion };
      return { category, items, total, builtFrom: builtFrom({ products: items, categories: [category], contents }) };
    },
  );

  app.get<{ Querystring: { readonly q: string; readonly page: number } }>(
    '/search',
    { schema: { querystring: SEARCH_QUERY } },
    async ({ catalog, query }) => {
      const { productIds, total } = await catalog.search(normaliseWords(query.q), query.page);
      const items = await catalog.cards(productIds);
      return { items, total, builtFrom: builtFrom({ products: items }) };
    },
  );

  registerAggregateRoutes(app);
}

function registerAggregateRoutes(app: FastifyInstance): void {
  app.get<{ Params: Id }>(
    '/categories/:id/statistics',
    { schema: { params: idParams } },
    async ({ catalog, params: { id } }, reply) => {
      const [category, statistics] = await Promise.all([catalog.category(id), catalog.statistics(id)]);
      if (category === null || statistics === null) return reply.code(404).send({ error: 'no such category' });
      const contents = { categoryId: id, contentsVersion: statistics.contentsVersion };
      return { category, statistics, builtFrom: builtFrom({ categories: [category], contents }) };
    },
  );

  app.get<{ Params: Id }>('/users/:id', { schema: { params: idParams } }, async ({ catalog, params }, reply) => {
    const profile = await catalog.profile(params.id);
    if (profile === null) return reply.code(404).send({ error: 'no such user' });
    const [recommended, favourite] = await Promise.all([
      catalog.cards(profile.recommendedIds),
      profile.favouriteCategoryId === null ? null : catalog.category(profile.favouriteCategoryId),
    ]);
    const versions = builtFrom({ products: recommended, categories: [favourite] });
    return { profile, recommended, favourite, builtFrom: versions };
  });
}

/** The same search however it was typed, so that it has one entry in the cache. */
function normaliseWords(text: string): string {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return [...new Set(words)].filter(Boolean).sort().join(' ');
}
