import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../src/database.ts';
import { generateShop } from '../src/seed.ts';
import { SMALL_SHOP } from './shop.ts';

const TABLES = ['categories', 'products', 'users', 'reviews', 'orders', 'order_items'];

describe('generateShop', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tierwise-catalog-test-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const rowsOf = (name: string, seed: number): unknown[][] => {
    const file = join(dir, name);
    generateShop(file, seed, SMALL_SHOP);
    const database = openDatabase(file);
    const rows = TABLES.map((table) => database.prepare(`SELECT * FROM ${table}`).all());
    database.close();
    return rows;
  };

  it('writes the same rows for the same seed and others for another', () => {
    const first = rowsOf('first.db', 1);
    expect(rowsOf('second.db', 1)).toEqual(first);
    expect(rowsOf('third.db', 2)).not.toEqual(first);
  });

  it('leaves a file alone that is already there, and no draft behind', () => {
    const first = rowsOf('shop.db', 1);
    expect(rowsOf('shop.db', 2)).toEqual(first);
    expect(readdirSync(dir).filter((name) => name.includes('draft'))).toEqual([]);
  });

  it('serves two that begin at once under one process id, as in containers that share a volume', async () => {
    const file = join(dir, 'shared.db');
    const workers = [1, 2].map(
      () => new Worker(new URL('./seed-worker.ts', import.meta.url), { workerData: { file, size: SMALL_SHOP } }),
    );
    expect(await Promise.all(workers.map((worker) => once(worker, 'exit')))).toEqual([[0], [0]]);
    expect(readdirSync(dir)).toEqual(['shared.db']);
  });
});
