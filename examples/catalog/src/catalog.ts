/** A product as lists and search show it. */
export interface ProductCard {
  readonly id: number;
  readonly categoryId: number;
  readonly name: string;
  readonly priceCents: number;
  readonly stock: number;
  readonly rating: number;
  readonly version: number;
}

/** A product with what its own page shows. */
export interface Product {
  readonly id: number;
  readonly categoryId: number;
  readonly name: string;
  readonly description: string;
  readonly priceCents: number;
  readonly stock: number;
  readonly version: number;
  readonly unitsSold: number;
  /** 1 for the best seller of its category. */
  readonly placeInCategory: number;
  readonly reviews: { readonly count: number; readonly average: number; readonly perStar: readonly number[] };
}

export interface Category {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly version: number;
}

/** One page of the products of a category. */
export interface Listing {
  readonly items: readonly ProductCard[];
  readonly total: number;
  readonly contentsVersion: number;
}

/** Ids of one page of search results, best rated first. */
export interface SearchResult {
  readonly productIds: readonly number[];
  readonly total: number;
}

/** What a category sells: aggregations over all its products, orders and reviews. */
export interface CategoryStatistics {
  readonly products: number;
  readonly inStock: number;
  readonly meanPriceCents: number;
  readonly medianPriceCents: number;
  readonly meanStars: number;
  readonly revenueCentsByMonth: readonly number[];
  readonly bestSellers: readonly { readonly productId: number; readonly units: number }[];
  readonly contentsVersion: number;
}

/** A customer with the last orders. */
export interface Profile {
  readonly id: number;
  readonly name: string;
  readonly city: string;
  readonly joinedDay: number;
  readonly spentCents: number;
  readonly favouriteCategoryId: number | null;
  readonly lastOrders: readonly {
    readonly id: number;
    readonly day: number;
    readonly items: number;
    readonly totalCents: number;
  }[];
  /** Products that customers with like orders bought. */
  readonly recommendedIds: readonly number[];
}

/** Which products of a category a list shows. */
export interface ListingFilter {
  readonly categoryId: number;
  readonly minPriceCents: number;
  readonly maxPriceCents: number;
  readonly minRating: number;
  readonly page: number;
}

/**
 * Everything the routes read. Implemented by the database itself and by the cache in front of it, so that a request
 * can be answered either way by the same route. What does not exist is `null`.
 */
export interface Catalog {
  product(id: number): Promise<Product | null>;
  /** Ids of the products bought together with this one, most often first. */
  boughtTogether(productId: number): Promise<readonly number[]>;
  /** Cards in the order of `ids`; ids that do not exist are left out. */
  cards(ids: readonly number[]): Promise<readonly ProductCard[]>;
  category(id: number): Promise<Category | null>;
  listing(filter: ListingFilter): Promise<Listing>;
  search(words: string, page: number): Promise<SearchResult>;
  statistics(categoryId: number): Promise<CategoryStatistics | null>;
  profile(userId: number): Promise<Profile | null>;
}
