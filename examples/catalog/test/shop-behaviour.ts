import type { Remote } from 'tierwise';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openShop, type TestInstance, type TestShop } from './shop.ts';

const PATHS = [
  '/products/1',
  '/products/57',
  '/products?category=2',
  '/products?category=2&page=2',
  '/products?category=3&minPrice=5000&maxPrice=30000&minRating=3.5',
  '/search?q=lamp',
  '/search?q=Steel%20%20lamp',
  '/search?q=nothing-has-this-name',
  '/categories/1/statistics',
  '/users/7',
];

let runs = 0;

/** Half the shortest lifetime in the shop: whoever waited longer would see entries run out. */
const PATIENCE = { timeout: 30_000, interval: 5 };

/** What two instances of the shop do, whatever they share their cache through. Call it inside a `describe`. */
export function itBehavesAsOneShop(createRemote: () => () => Remote): void {
  let shop: TestShop;
  let one: TestInstance;
  let other: TestInstance;

  beforeEach(async () => {
    runs += 1;
    shop = await openShop(`catalog-test-${process.pid}-${Date.now()}-${runs}`, createRemote());
    [one, other] = shop.instances;
  });
  afterEach(() => shop.close());

  /** Reads until the answer is the new one: the change was acknowledged, so that has to be soon. */
  const eventually = (path: string, check: (body: Record<string, unknown>) => void): Promise<void> =>
    vi.waitFor(async () => check((await other.get(path)).body), PATIENCE);

  it.each(PATHS)('answers GET %s the same with and without the cache', async (path) => {
    const direct = await one.get(path, 'bypass');
    expect(direct.status).toBe(200);
    for (const instance of [one, one, other, other]) {
      const cached = await instance.get(path);
      expect(cached.status).toBe(200);
      expect(cached.body).toEqual(direct.body);
    }
    // A loaded value enters memory once the shared layer has taken it, which may be after the answer.
    await vi.waitFor(async () => {
      expect((await one.get(path)).body).toEqual(direct.body);
      expect(one.cache.stats().memory.hits).toBeGreaterThan(0);
    }, PATIENCE);
  });

  it('answers from the shared layer what the other instance has loaded', async () => {
    const first = await one.get('/products/1');
    await vi.waitFor(() => expect(one.cache.stats().remote.fills).toBeGreaterThan(0), PATIENCE);
    await expect(other.get('/products/1')).resolves.toEqual(first);
    expect(other.cache.stats().remote.hits).toBeGreaterThan(0);
  });

  it('shows a new price everywhere once another instance has changed it', async () => {
    const { body } = await other.get('/products/1');
    const { categoryId } = body['product'] as { categoryId: number };
    const list = `/products?category=${categoryId}`;
    const statistics = `/categories/${categoryId}/statistics`;
    for (const path of [list, statistics]) await other.get(path);

    const change = await one.patch('/products/1', { priceCents: 4242 });
    expect(change.body).toEqual({
      changed: { 'product:1': 2, [`category:${categoryId}:contents`]: 2 },
      delivered: true,
    });
    await eventually('/products/1', ({ product }) => expect(product).toMatchObject({ priceCents: 4242, version: 2 }));
    await eventually(list, ({ builtFrom }) => {
      expect(builtFrom).toMatchObject({ 'product:1': 2, [`category:${categoryId}:contents`]: 2 });
    });
    for (const path of ['/products/1', list, statistics]) {
      await vi.waitFor(
        async () => expect((await other.get(path)).body).toEqual((await one.get(path, 'bypass')).body),
        PATIENCE,
      );
    }
  });

  it('finds a product by its new name once another instance has renamed it', async () => {
    expect((await other.get('/search?q=zeppelin')).body).toMatchObject({ total: 0 });
    await one.patch('/products/3', { name: 'Zeppelin 3' });
    await eventually('/search?q=zeppelin', ({ total, items }) => {
      expect(total).toBe(1);
      expect(items).toMatchObject([{ id: 3, name: 'Zeppelin 3' }]);
    });
  });

  it('shows a new category name on its products once another instance has changed it', async () => {
    const { body } = await other.get('/products/1');
    const { id } = body['category'] as { id: number };
    await one.patch(`/categories/${id}`, { name: 'Zeppelins' });
    await eventually('/products/1', ({ category }) =>
      expect(category).toMatchObject({ name: 'Zeppelins', version: 2 }),
    );
  });

  it('reads its own change at once', async () => {
    await one.get('/products/9');
    await one.patch('/products/9', { stock: 0 });
    expect((await one.get('/products/9')).body).toMatchObject({ product: { stock: 0, version: 2 } });
  });

  it('says 404 for what does not exist and 400 for what makes no sense', async () => {
    for (const path of ['/products/1000', '/products?category=99', '/categories/99/statistics', '/users/999']) {
      for (const how of ['cached', 'bypass'] as const) expect((await one.get(path, how)).status).toBe(404);
    }
    for (const path of ['/products/0', '/products/x', '/products', '/search', '/products?category=1&page=0']) {
      expect((await one.get(path)).status).toBe(400);
    }
    expect((await one.patch('/products/1000', { stock: 1 })).status).toBe(404);
    expect((await one.patch('/categories/99', { name: 'x' })).status).toBe(404);
    expect((await one.patch('/products/1', {})).status).toBe(400);
    expect((await one.patch('/products/1', { priceCents: -1 })).status).toBe(400);
  });

  it('says how many queries a bypassed request took, and counts those of loads', async () => {
    expect((await one.get('/products/1', 'bypass')).queries).toBe('4');
    const before = await one.get('/stats');
    expect(before.body['queries']).toBe(0);
    await one.get('/categories/1/statistics');
    await vi.waitFor(() => expect(one.cache.stats().remote.fills).toBe(2), PATIENCE);
    await one.get('/categories/1/statistics');
    expect((await one.get('/stats')).body['queries']).toBe(4);
  });
}
