import { randomUUID } from 'node:crypto';
import { linkSync, rmSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { createTables, openDatabase } from './database.ts';
import { createRandom, createZipf, integer, pick, type Random } from './random.ts';

/** How many rows of each kind the shop has. */
export interface ShopSize {
  readonly categories: number;
  readonly products: number;
  readonly users: number;
  readonly reviews: number;
  readonly orders: number;
}

/** Large enough that joins and aggregations take milliseconds, small enough to be generated in under a second. */
export const SHOP_SIZE: ShopSize = {
  categories: 60,
  products: 3000,
  users: 3000,
  reviews: 160_000,
  orders: 90_000,
};

/** Orders lie on days 1 to this one, which is "today". */
export const TODAY = 365;

/** Sales and reviews are skewed: the best seller sells far more than the average product. */
const POPULARITY_EXPONENT = 0.8;

const KINDS = ['Desk', 'Garden', 'Kitchen', 'Travel', 'Running', 'Camping', 'Music', 'Winter', 'Pet', 'Bath'] as const;
const GROUPS = ['Lighting', 'Tools', 'Storage', 'Textiles', 'Electronics', 'Accessories'] as const;
const NOUNS =
  'Lamp Kettle Chair Bottle Backpack Blanket Speaker Knife Mirror Basket Clock Cushion Shelf Bowl Tent Towel Cable Pan'.split(
    ' ',
  );
const ADJECTIVES =
  'Quiet Bright Sturdy Light Foldable Nordic Classic Compact Woven Steel Oak Linen Ceramic Solar Soft Modular'.split(
    ' ',
  );
const PLACES = ['Aarhus', 'Bergen', 'Cork', 'Dresden', 'Evora', 'Faro', 'Ghent', 'Hull', 'Innsbruck', 'Jena'] as const;
const GIVEN_NAMES = ['Ada', 'Ben', 'Cleo', 'Dag', 'Edda', 'Finn', 'Gro', 'Hal', 'Ida', 'Jon', 'Kaj', 'Liv'] as const;

/** Words that occur in product names, so that a search for one of them finds something. */
export const SEARCH_WORDS: readonly string[] = [...NOUNS, ...ADJECTIVES].map((word) => word.toLowerCase());

/**
 * Writes a new shop into `file`. The same seed and size give the same rows on every machine. The file appears complete
 * or not at all, so that processes which start together can all call this; an existing file is left alone.
 */
export function generateShop(file: string, seed = 1, size: ShopSize = SHOP_SIZE): void {
  // Not by process id: in containers that share a volume they are all the same.
  const draft = `${file}.${randomUUID()}.draft`;
  const database = openDatabase(draft);
  try {
    createTables(database, () => insertRows(database, createRandom(seed), size));
  } finally {
    database.close();
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function insertRows(database: DatabaseSync, random: Random, size: ShopSize): void {
  insertCategories(database, size);
  const prices = insertProducts(database, random, size);
  insertUsers(database, random, size);
  const product = createPopularProduct(random, size.products);

  const review = inserter(database, 'reviews', ['product_id', 'user_id', 'stars']);
  for (let index = 0; index < size.reviews; index += 1) {
    const stars = Math.min(5, 1 + Math.floor(5.5 * Math.sqrt(random())));
    review.run(product(), integer(random, 1, size.users), stars);
  }

  const order = inserter(database, 'orders', ['id', 'user_id', 'day']);
  const item = inserter(database, 'order_items', ['order_id', 'product_id', 'quantity', 'unit_cents']);
  for (let id = 1; id <= size.orders; id += 1) {
    order.run(id, integer(random, 1, size.users), integer(random, 1, TODAY));
    const bought = new Set(Array.from({ length: integer(random, 1, 4) }, product));
    for (const productId of bought) {
      item.run(id, productId, integer(random, 1, 3), prices[productId] as number);
    }
  }
}

function insertCategories(database: DatabaseSync, size: ShopSize): void {
  const category = inserter(database, 'categories', ['id', 'name', 'description']);
  for (let id = 1; id <= size.categories; id += 1) {
    const kind = KINDS[id % KINDS.length] as string;
    const group = GROUPS[Math.floor(id / KINDS.length) % GROUPS.length] as string;
    category.run(id, `${kind} ${group}`, `Everything in ${group.toLowerCase()} for ${kind.toLowerCase()}.`);
  }
}

/** Returns the price of each product at the position of its id. */
function insertProducts(database: DatabaseSync, random: Random, size: ShopSize): number[] {
  const product = inserter(database, 'products', ['id', 'category_id', 'name', 'description', 'price_cents', 'stock']);
  const prices = [0];
  for (let id = 1; id <= size.products; id += 1) {
    const name = `${pick(random, ADJECTIVES)} ${pick(random, ADJECTIVES)} ${pick(random, NOUNS)} ${id}`;
    const description = `${name}: made in ${pick(random, PLACES)}, kept in stock since day ${integer(random, 1, TODAY)}.`;
    const priceCents = 100 * integer(random, 2, 400) - 1;
    product.run(id, integer(random, 1, size.categories), name, description, priceCents, integer(random, 0, 200));
    prices.push(priceCents);
  }
  return prices;
}

function insertUsers(database: DatabaseSync, random: Random, size: ShopSize): void {
  const user = inserter(database, 'users', ['id', 'name', 'city', 'joined_day']);
  for (let id = 1; id <= size.users; id += 1) {
    user.run(id, `${pick(random, GIVEN_NAMES)} ${id}`, pick(random, PLACES), integer(random, 1, TODAY));
  }
}

/** Product ids by popularity: a low id sells well, so that what is sold most is also what is asked for most. */
function createPopularProduct(random: Random, products: number): () => number {
  return createZipf(random, products, POPULARITY_EXPONENT);
}

function inserter(database: DatabaseSync, table: string, columns: readonly string[]): StatementSync {
  const places = columns.map(() => '?').join(', ');
  return database.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`);
}
