import type { DatabaseSync } from 'node:sqlite';
import { transaction } from './database.ts';
import { TOUCH_CONTENTS, UPDATE_CATEGORY, UPDATE_PRODUCT } from './sql.ts';

/** New values for a product; what is left out stays as it is. */
export interface ProductPatch {
  readonly name?: string;
  readonly priceCents?: number;
  readonly stock?: number;
}

/** New values for a category; what is left out stays as it is. */
export interface CategoryPatch {
  readonly name?: string;
  readonly description?: string;
}

/** A committed change of a product, with the versions it led to. */
export interface ProductChange {
  readonly categoryId: number;
  readonly version: number;
  readonly contentsVersion: number;
}

/** A committed change of a category, with the versions it led to. */
export interface CategoryChange {
  readonly version: number;
  readonly contentsVersion: number;
}

/** Changes a product and counts the change in its category; `null` if there is no such product. */
export function changeProduct(database: DatabaseSync, id: number, patch: ProductPatch): ProductChange | null {
  return transaction(database, 'BEGIN IMMEDIATE', () => {
    const row = database
      .prepare(UPDATE_PRODUCT)
      .get({ id, name: patch.name ?? null, priceCents: patch.priceCents ?? null, stock: patch.stock ?? null });
    if (row === undefined) return null;
    const categoryId = Number(row['category_id']);
    const contentsVersion = Number(database.prepare(TOUCH_CONTENTS).get(categoryId)?.['contents_version']);
    return { categoryId, version: Number(row['version']), contentsVersion };
  });
}

/** Changes a category; `null` if there is no such category. */
export function changeCategory(database: DatabaseSync, id: number, patch: CategoryPatch): CategoryChange | null {
  const row = database
    .prepare(UPDATE_CATEGORY)
    .get({ id, name: patch.name ?? null, description: patch.description ?? null });
  if (row === undefined) return null;
  return { version: Number(row['version']), contentsVersion: Number(row['contents_version']) };
}
