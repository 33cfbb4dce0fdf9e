import { DatabaseSync } from 'node:sqlite';

/**
 * The tables of the shop. Products and categories carry a `version` that every change raises by one, so that an answer
 * can say exactly what it was built from. `contents_version` counts changes to anything inside a category.
 */
const SCHEMA = `
  CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    contents_version INTEGER NOT NULL DEFAULT 1
  );
  CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    category_id INTEGER NOT NULL REFERENCES categories (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    stock INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 1
  );
  CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, joined_day INTEGER NOT NULL);
  CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    stars INTEGER NOT NULL
  );
  CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), day INTEGER NOT NULL);
  CREATE TABLE order_items (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL,
    unit_cents INTEGER NOT NULL,
    PRIMARY KEY (order_id, product_id)
  ) WITHOUT ROWID;
`;

const INDEXES = `
  CREATE INDEX products_by_category ON products (category_id);
  CREATE INDEX reviews_by_product ON reviews (product_id, stars);
  CREATE INDEX orders_by_user ON orders (user_id);
  CREATE INDEX order_items_by_product ON order_items (product_id);
  ANALYZE;
`;

/** How long a statement waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 5000;

/** SQLite's own cache, large enough for the whole file: what is measured is queries, not the disk. */
const PAGE_CACHE_KIB = 64 * 1024;

/** Opens the shop's database file; several processes may have it open at once. */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
  database.exec(`PRAGMA cache_size = -${PAGE_CACHE_KIB}`);
  return database;
}

/** Creates the tables, lets `fill` insert the rows in one transaction, then builds the indexes. */
export function createTables(database: DatabaseSync, fill: () => void): void {
  database.exec(SCHEMA);
  transaction(database, 'BEGIN IMMEDIATE', fill);
  database.exec(INDEXES);
}

/** Runs `body` in one transaction: all statements see one state of the database, or none of them counts. */
export function transaction<Result>(
  database: DatabaseSync,
  begin: 'BEGIN' | 'BEGIN IMMEDIATE',
  body: () => Result,
): Result {
  database.exec(begin);
  try {
    const result = body();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
