/** Which version of each product, category and category's contents an answer shows. */
export type BuiltFrom = Readonly<Record<string, number>>;

interface Versioned {
  readonly id: number;
  readonly version: number;
}

interface Parts {
  readonly products?: readonly Versioned[];
  readonly categories?: readonly (Versioned | null)[];
  readonly contents?: { readonly categoryId: number; readonly contentsVersion: number };
}

export const productKey = (id: number): string => `product:${id}`;
export const categoryKey = (id: number): string => `category:${id}`;
export const contentsKey = (categoryId: number): string => `category:${categoryId}:contents`;

/** The versions of all parts of an answer. Where a product occurs twice, the older version counts. */
export function builtFrom({ products = [], categories = [], contents }: Parts): BuiltFrom {
  const versions: Record<string, number> = {};
  for (const { id, version } of products) {
    const key = productKey(id);
    versions[key] = Math.min(version, versions[key] ?? version);
  }
  for (const category of categories) {
    if (category !== null) versions[categoryKey(category.id)] = category.version;
  }
  if (contents !== undefined) versions[contentsKey(contents.categoryId)] = contents.contentsVersion;
  return versions;
}
