import { createRandom, createZipf, integer, pick, type Random } from '../random.ts';
import { SEARCH_WORDS, SHOP_SIZE } from '../seed.ts';

/** The kinds of page the load asks for. */
export const ROUTES = ['product', 'listing', 'search', 'statistics', 'profile'] as const;

export type Route = (typeof ROUTES)[number];

export interface PlannedRead {
  readonly route: Route;
  readonly path: string;
}

/** One change, and a page that shows what it changes. */
export interface PlannedChange {
  readonly kind: 'product' | 'category';
  readonly path: string;
  readonly body: Readonly<Record<string, string | number>>;
  readonly shownOn: PlannedRead;
}

/** How the reads are spread over the routes. */
const SHARES: Readonly<Record<Route, number>> = {
  product: 0.45,
  listing: 0.25,
  search: 0.1,
  statistics: 0.1,
  profile: 0.1,
};

/** Skew of the key choice: steeper than 1, as measured for front pages and product pages of shops. */
const EXPONENT = 1.2;

/** Filters that visitors of a category use, most used first. */
const FILTERS = ['', '&minRating=4', '&maxPrice=10000', '&minPrice=10000&maxPrice=25000'] as const;
const PAGES = 3;
const CATEGORY_CHANGE_EVERY = 8;
const RENAME_EVERY = 15;

/** A seeded stream of reads, skewed the way visits to a shop are. */
export function createReads(seed: number): () => PlannedRead {
  const random = createRandom(seed);
  const product = createZipf(random, SHOP_SIZE.products, EXPONENT);
  const category = createZipf(random, SHOP_SIZE.categories, EXPONENT);
  const user = createZipf(random, SHOP_SIZE.users, EXPONENT);
  const word = createZipf(random, SEARCH_WORDS.length, EXPONENT);
  const filter = createZipf(random, FILTERS.length, EXPONENT);
  const page = createZipf(random, PAGES, 2);

  const paths: Readonly<Record<Route, () => string>> = {
    product: () => `/products/${product()}`,
    listing: () => `/products?category=${category()}${FILTERS[filter() - 1]}&page=${page()}`,
    search: () => `/search?q=${SEARCH_WORDS[word() - 1]}&page=${page()}`,
    statistics: () => `/categories/${category()}/statistics`,
    profile: () => `/users/${user()}`,
  };
  return () => {
    const route = pickRoute(random());
    return { route, path: paths[route]() };
  };
}

/** A seeded stream of changes: mostly prices and stock of products that are asked for often. */
export function createChanges(seed: number): () => PlannedChange {
  const random = createRandom(seed ^ 0x5bd1e995);
  const product = createZipf(random, SHOP_SIZE.products, EXPONENT);
  const category = createZipf(random, SHOP_SIZE.categories, EXPONENT);
  let count = 0;
  return () => {
    count += 1;
    return count % CATEGORY_CHANGE_EVERY === 0
      ? categoryChange(category(), count)
      : productChange(random, product(), count);
  };
}

function productChange(random: Random, id: number, count: number): PlannedChange {
  const price = { priceCents: 100 * integer(random, 2, 400) - 1 };
  const stock = { stock: integer(random, 0, 200) };
  const name = { name: `${pick(random, SEARCH_WORDS)} ${pick(random, SEARCH_WORDS)} ${id}` };
  return {
    kind: 'product',
    path: `/products/${id}`,
    body: count % RENAME_EVERY === 0 ? name : pick(random, [price, stock]),
    shownOn: { route: 'product', path: `/products/${id}` },
  };
}

function categoryChange(id: number, count: number): PlannedChange {
  return {
    kind: 'category',
    path: `/categories/${id}`,
    body: { description: `Everything we have, revised ${count} times.` },
    shownOn: { route: 'statistics', path: `/categories/${id}/statistics` },
  };
}

function pickRoute(target: number): Route {
  let sum = 0;
  for (const route of ROUTES) {
    sum += SHARES[route];
    if (target < sum) return route;
  }
  return 'profile';
}
