import type { Cache } from 'tierwise';
import { simplePlacement } from './cache.ts';
import type {
  Catalog,
  Category,
  CategoryStatistics,
  Listing,
  ListingFilter,
  Product,
  ProductCard,
  Profile,
  SearchResult,
} from './catalog.ts';
import type { ProductChange, ProductPatch } from './changes.ts';

/** Tag of everything that shows which products a category has, or what they cost. */
const contentsTag = (categoryId: number): string => `category:${categoryId}:contents`;

/** Tag of everything that was found by the names of products. */
const NAMES_TAG = 'product-names';

/**
 * The shop behind the cache. Pages are put together from small entries, so that a change costs few of them: a product
 * that gets another price takes its own page, its card and the lists of its category with it, and nothing else.
 */
export class CachedCatalog implements Catalog {
  readonly #cache: Cache;
  readonly #keys: ReturnType<typeof keyspaces>;

  /** `source` answers what the cache does not have. */
  constructor(cache: Cache, source: Catalog) {
    this.#cache = cache;
    this.#keys = keyspaces(cache, source);
  }

  product(id: number): Promise<Product | null> {
    return this.#keys.product.get({ id });
  }

  boughtTogether(productId: number): Promise<readonly number[]> {
    return this.#keys.boughtTogether.get({ productId });
  }

  async cards(ids: readonly number[]): Promise<readonly ProductCard[]> {
    const cards = await Promise.all(ids.map((id) => this.#keys.card.get({ id })));
    return cards.filter((card) => card !== null);
  }

  category(id: number): Promise<Category | null> {
    return this.#keys.category.get({ id });
  }

  listing(filter: ListingFilter): Promise<Listing> {
    return this.#keys.listing.get(filter);
  }

  search(words: string, page: number): Promise<SearchResult> {
    return this.#keys.search.get({ words, page });
  }

  statistics(categoryId: number): Promise<CategoryStatistics | null> {
    return this.#keys.statistics.get({ categoryId });
  }

  profile(userId: number): Promise<Profile | null> {
    return this.#keys.profile.get({ userId });
  }

  /**
   * Makes every instance forget what a committed change of a product has outdated. Resolves to whether Redis has
   * confirmed it; if not, the engine delivers it as soon as Redis is back.
   */
  async productChanged(id: number, change: ProductChange, patch: ProductPatch): Promise<boolean> {
    const tags = [contentsTag(change.categoryId)];
    if (patch.name !== undefined) tags.push(NAMES_TAG);
    const results = await Promise.all([
      this.#keys.product.delete({ id }),
      this.#keys.card.delete({ id }),
      this.#cache.invalidateTags(tags),
    ]);
    return results.every(({ delivered }) => delivered);
  }

  /** The same for a category. */
  async categoryChanged(id: number): Promise<boolean> {
    const results = await Promise.all([
      this.#keys.category.delete({ id }),
      this.#cache.invalidateTags([contentsTag(id)]),
    ]);
    return results.every(({ delivered }) => delivered);
  }
}

function keyspaces(cache: Cache, source: Catalog) {
  return {
    product: cache.keyspace('product:{id}', {
      load: ({ id }: { id: number }) => source.product(id),
    }),
    card: cache.keyspace('product:{id}:card', {
      load: async ({ id }: { id: number }) => (await source.cards([id]))[0] ?? null,
    }),
    // Large in number, cheap to lose, and never invalidated by a product's change.
    boughtTogether: cache.keyspace('product:{productId}:bought-together', {
      ...simplePlacement(cache),
      ttl: '1h',
      load: ({ productId }: { productId: number }) => source.boughtTogether(productId),
    }),
    category: cache.keyspace('category:{id}', {
      load: ({ id }: { id: number }) => source.category(id),
    }),
    listing: cache.keyspace('category:{categoryId}:list:{minPriceCents}:{maxPriceCents}:{minRating}:{page}', {
      tags: ({ categoryId }) => [contentsTag(categoryId)],
      load: (filter: ListingFilter) => source.listing(filter),
    }),
    search: cache.keyspace('search:{page}:{words}', {
      tags: () => [NAMES_TAG],
      load: ({ words, page }: { words: string; page: number }) => source.search(words, page),
    }),
    statistics: cache.keyspace('category:{categoryId}:statistics', {
      tags: ({ categoryId }) => [contentsTag(categoryId)],
      load: ({ categoryId }: { categoryId: number }) => source.statistics(categoryId),
    }),
    profile: cache.keyspace('user:{userId}', {
      ttl: '1m',
      load: ({ userId }: { userId: number }) => source.profile(userId),
    }),
  };
}
