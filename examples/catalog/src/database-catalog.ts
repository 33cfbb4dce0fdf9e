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
import { TODAY } from './seed.ts';
import * as sql from './sql.ts';
import type { Row, Statements, Value } from './statements.ts';

/** How many products a page of a list or of search results shows. */
const PAGE_SIZE = 12;

const TOGETHER_LIMIT = 6;
const RECOMMENDED_LIMIT = 6;
const MONTHS = 12;

/**
 * The shop read straight from SQL, every time. `queries` counts the statements it has run. Answers that take more than
 * one statement read in one transaction, so that the version they carry is the version of all they hold.
 */
export class DatabaseCatalog implements Catalog {
  queries = 0;
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  async product(id: number): Promise<Product | null> {
    const row = this.#first(sql.PRODUCT, { id });
    return row === undefined ? null : toProduct(row);
  }

  async boughtTogether(productId: number): Promise<readonly number[]> {
    return this.#rows(sql.BOUGHT_TOGETHER, productId, TOGETHER_LIMIT).map((row) => Number(row['id']));
  }

  async cards(ids: readonly number[]): Promise<readonly ProductCard[]> {
    const byId = new Map(this.#rows(sql.CARDS, JSON.stringify(ids)).map((row) => [Number(row['id']), toCard(row)]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  async category(id: number): Promise<Category | null> {
    const row = this.#first(sql.CATEGORY, id);
    return row === undefined ? null : toCategory(row);
  }

  async listing(filter: ListingFilter): Promise<Listing> {
    const { page, ...conditions } = filter;
    return this.#statements.transaction(() => {
      const category = this.#first(sql.CATEGORY, filter.categoryId);
      const rows = this.#rows(sql.LISTING, {
        ...conditions,
        today: TODAY,
        limit: PAGE_SIZE,
        offset: (page - 1) * PAGE_SIZE,
      });
      return {
        items: rows.map(toCard),
        total: Number(rows[0]?.['total'] ?? 0),
        contentsVersion: Number(category?.['contents_version'] ?? 0),
      };
    });
  }

  async search(words: string, page: number): Promise<SearchResult> {
    const rows = this.#rows(sql.SEARCH, {
      words: JSON.stringify(words.split(' ').map((word) => word.replaceAll(/[%_]/g, ''))),
      limit: PAGE_SIZE,
      offset: (page - 1) * PAGE_SIZE,
    });
    return { productIds: rows.map((row) => Number(row['id'])), total: Number(rows[0]?.['total'] ?? 0) };
  }

  async statistics(categoryId: number): Promise<CategoryStatistics | null> {
    return this.#statements.transaction(() => {
      const row = this.#first(sql.STATISTICS, { categoryId });
      if (row === undefined) return null;
      const revenue = this.#rows(sql.REVENUE, { categoryId, today: TODAY });
      return toStatistics(row, revenue, this.#rows(sql.BEST_SELLERS, categoryId));
    });
  }

  async profile(userId: number): Promise<Profile | null> {
    return this.#statements.transaction(() => {
      const user = this.#first(sql.USER, userId);
      if (user === undefined) return null;
      const recommended = this.#rows(sql.RECOMMENDED, { userId, today: TODAY, limit: RECOMMENDED_LIMIT });
      return toProfile(user, this.#rows(sql.LAST_ORDERS, userId), this.#rows(sql.SPENT, userId), recommended);
    });
  }

  #first(text: string, ...values: Value[]): Row | undefined {
    return this.#rows(text, ...values)[0];
  }

  #rows(text: string, ...values: Value[]): Row[] {
    this.queries += 1;
    return this.#statements.rows(text, ...values);
  }
}

function toProduct(row: Row): Product {
  const perStar = JSON.parse(String(row['per_star'])) as number[];
  const count = perStar.reduce((sum, reviews) => sum + reviews, 0);
  const stars = perStar.reduce((sum, reviews, index) => sum + reviews * (index + 1), 0);
  return {
    id: Number(row['id']),
    categoryId: Number(row['category_id']),
    name: String(row['name']),
    description: String(row['description']),
    priceCents: Number(row['price_cents']),
    stock: Number(row['stock']),
    version: Number(row['version']),
    unitsSold: Number(row['units']),
    placeInCategory: Number(row['place']),
    reviews: { count, average: count === 0 ? 0 : rounded(stars / count), perStar },
  };
}

function toCard(row: Row): ProductCard {
  return {
    id: Number(row['id']),
    categoryId: Number(row['category_id']),
    name: String(row['name']),
    priceCents: Number(row['price_cents']),
    stock: Number(row['stock']),
    rating: rounded(Number(row['rating'] ?? 0)),
    version: Number(row['version']),
  };
}

function toCategory(row: Row): Category {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    description: String(row['description']),
    version: Number(row['version']),
  };
}

function toStatistics(row: Row, revenue: readonly Row[], bestSellers: readonly Row[]): CategoryStatistics {
  const revenueCentsByMonth = new Array<number>(MONTHS).fill(0);
  for (const { month, cents } of revenue) revenueCentsByMonth[Number(month)] = Number(cents);
  return {
    products: Number(row['products']),
    inStock: Number(row['in_stock']),
    meanPriceCents: Math.round(Number(row['mean_price'] ?? 0)),
    medianPriceCents: Number(row['median_price'] ?? 0),
    meanStars: rounded(Number(row['mean_stars'] ?? 0)),
    revenueCentsByMonth,
    bestSellers: bestSellers.map(({ id, units }) => ({ productId: Number(id), units: Number(units) })),
    contentsVersion: Number(row['contents_version']),
  };
}

function toProfile(user: Row, orders: readonly Row[], spent: readonly Row[], recommended: readonly Row[]): Profile {
  return {
    id: Number(user['id']),
    name: String(user['name']),
    city: String(user['city']),
    joinedDay: Number(user['joined_day']),
    spentCents: spent.reduce((sum, { cents }) => sum + Number(cents), 0),
    favouriteCategoryId: spent[0] === undefined ? null : Number(spent[0]['id']),
    lastOrders: orders.map(({ id, day, items, cents }) => ({
      id: Number(id),
      day: Number(day),
      items: Number(items),
      totalCents: Number(cents),
    })),
    recommendedIds: recommended.map(({ id }) => Number(id)),
  };
}

function rounded(stars: number): number {
  return Math.round(stars * 100) / 100;
}
