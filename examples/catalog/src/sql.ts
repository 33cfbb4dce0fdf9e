/** A product with its reviews, its sales, and its place among the best sellers of its category. */
export const PRODUCT = `
  WITH sold AS (
    SELECT q.id, coalesce(sum(i.quantity), 0) AS units
    FROM products q LEFT JOIN order_items i ON i.product_id = q.id
    WHERE q.category_id = (SELECT category_id FROM products WHERE id = :id)
    GROUP BY q.id
  ), ranked AS (
    SELECT id, units, rank() OVER (ORDER BY units DESC) AS place FROM sold
  )
  SELECT p.*, ranked.units, ranked.place,
    (SELECT json_group_array(n) FROM (
      SELECT count(r.id) AS n FROM (VALUES (1), (2), (3), (4), (5)) AS star
      LEFT JOIN reviews r ON r.product_id = p.id AND r.stars = star.column1
      GROUP BY star.column1 ORDER BY star.column1
    )) AS per_star
  FROM products p JOIN ranked ON ranked.id = p.id WHERE p.id = :id`;

/** Products in the same orders as this one, most often bought together first. */
export const BOUGHT_TOGETHER = `
  SELECT other.product_id AS id, count(*) AS orders
  FROM order_items mine
  JOIN order_items other ON other.order_id = mine.order_id AND other.product_id <> mine.product_id
  WHERE mine.product_id = ?
  GROUP BY other.product_id
  ORDER BY orders DESC, id LIMIT ?`;

/** Cards of the products whose ids stand in a JSON array. */
export const CARDS = `
  SELECT p.id, p.category_id, p.name, p.price_cents, p.stock, p.version, avg(r.stars) AS rating
  FROM products p LEFT JOIN reviews r ON r.product_id = p.id
  WHERE p.id IN (SELECT value FROM json_each(?))
  GROUP BY p.id`;

export const CATEGORY = 'SELECT * FROM categories WHERE id = ?';

/** The products of a category that pass a filter, what sold best in the last 90 days first, and how many pass. */
export const LISTING = `
  WITH rated AS (
    SELECT p.id, p.category_id, p.name, p.price_cents, p.stock, p.version, coalesce(avg(r.stars), 0) AS rating
    FROM products p LEFT JOIN reviews r ON r.product_id = p.id
    WHERE p.category_id = :categoryId AND p.price_cents BETWEEN :minPriceCents AND :maxPriceCents
    GROUP BY p.id
    HAVING rating >= :minRating
  )
  SELECT rated.*, count(*) OVER () AS total,
    (SELECT sum(i.quantity) FROM order_items i CROSS JOIN orders o ON o.id = i.order_id
      WHERE i.product_id = rated.id AND o.day > :today - 90) AS units
  FROM rated ORDER BY units DESC, rated.id LIMIT :limit OFFSET :offset`;

/** Ids of the products whose name has all words, best rated and best sold first, and how many there are. */
export const SEARCH = `
  WITH found AS (
    SELECT p.id FROM products p
    WHERE NOT EXISTS (SELECT 1 FROM json_each(:words) AS word WHERE p.name NOT LIKE '%' || word.value || '%')
  )
  SELECT found.id, count(*) OVER () AS total, round(coalesce(avg(r.stars), 0), 1) AS rating,
    (SELECT sum(i.quantity) FROM order_items i WHERE i.product_id = found.id) AS units
  FROM found LEFT JOIN reviews r ON r.product_id = found.id
  GROUP BY found.id
  ORDER BY rating DESC, units DESC, found.id LIMIT :limit OFFSET :offset`;

/** Prices, stock and stars of a category; the median is the middle row by price. */
export const STATISTICS = `
  WITH priced AS (
    SELECT price_cents, stock, row_number() OVER (ORDER BY price_cents) AS place, count(*) OVER () AS products
    FROM products WHERE category_id = :categoryId
  )
  SELECT c.contents_version,
    (SELECT count(*) FROM priced) AS products,
    (SELECT count(*) FROM priced WHERE stock > 0) AS in_stock,
    (SELECT avg(price_cents) FROM priced) AS mean_price,
    (SELECT price_cents FROM priced WHERE place = (products + 1) / 2) AS median_price,
    (SELECT avg(r.stars) FROM products p JOIN reviews r ON r.product_id = p.id WHERE p.category_id = c.id) AS mean_stars
  FROM categories c WHERE c.id = :categoryId`;

/** Revenue of a category in each of the last twelve months of 30 days; `month` counts back from today. */
export const REVENUE = `
  SELECT CAST((:today - o.day) / 30 AS INTEGER) AS month, sum(i.quantity * i.unit_cents) AS cents
  FROM products p JOIN order_items i ON i.product_id = p.id JOIN orders o ON o.id = i.order_id
  WHERE p.category_id = :categoryId AND o.day > :today - 360
  GROUP BY month`;

export const BEST_SELLERS = `
  SELECT p.id, sum(i.quantity) AS units
  FROM products p JOIN order_items i ON i.product_id = p.id
  WHERE p.category_id = ? GROUP BY p.id ORDER BY units DESC, p.id LIMIT 5`;

export const USER = 'SELECT * FROM users WHERE id = ?';

export const LAST_ORDERS = `
  SELECT o.id, o.day, count(*) AS items, sum(i.quantity * i.unit_cents) AS cents
  FROM orders o JOIN order_items i ON i.order_id = o.id
  WHERE o.user_id = ? GROUP BY o.id ORDER BY o.day DESC, o.id DESC LIMIT 10`;

/** What a user spent in each category, most first. */
export const SPENT = `
  SELECT p.category_id AS id, sum(i.quantity * i.unit_cents) AS cents
  FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id
  WHERE o.user_id = ? GROUP BY p.category_id ORDER BY cents DESC, id`;

/** What others bought who bought the same as this user lately, most of them first, without what the user has. */
export const RECOMMENDED = `
  WITH mine AS (
    SELECT DISTINCT i.product_id FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.user_id = :userId
  ), alike AS (
    SELECT o.user_id, count(*) AS shared
    FROM mine JOIN order_items i ON i.product_id = mine.product_id JOIN orders o ON o.id = i.order_id
    WHERE o.user_id <> :userId AND o.day > :today - 7
    GROUP BY o.user_id ORDER BY shared DESC, o.user_id LIMIT 10
  )
  SELECT i.product_id AS id, sum(alike.shared) AS weight
  FROM alike JOIN orders o ON o.user_id = alike.user_id JOIN order_items i ON i.order_id = o.id
  WHERE i.product_id NOT IN (SELECT product_id FROM mine)
  GROUP BY i.product_id ORDER BY weight DESC, id LIMIT :limit`;

/** Changes the columns that are given, leaves the others, and raises the version. */
export const UPDATE_PRODUCT = `
  UPDATE products SET name = coalesce(:name, name), price_cents = coalesce(:priceCents, price_cents),
    stock = coalesce(:stock, stock), version = version + 1
  WHERE id = :id RETURNING version, category_id`;

export const UPDATE_CATEGORY = `
  UPDATE categories SET name = coalesce(:name, name), description = coalesce(:description, description),
    version = version + 1, contents_version = contents_version + 1
  WHERE id = :id RETURNING version, contents_version`;

export const TOUCH_CONTENTS =
  'UPDATE categories SET contents_version = contents_version + 1 WHERE id = ? RETURNING contents_version';
