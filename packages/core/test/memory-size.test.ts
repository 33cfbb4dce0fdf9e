import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { estimateBytes } from '../src/memory/size.ts';

const FIXTURE = fileURLToPath(new URL('./fixtures/heap-growth.ts', import.meta.url));

describe('the estimate', () => {
  const output = execFileSync(process.execPath, ['--expose-gc', '--no-warnings', FIXTURE], { encoding: 'utf8' });
  const results = JSON.parse(output) as Record<string, { estimated: number; real: number }>;

  for (const [shape, { estimated, real }] of Object.entries(results)) {
    test(`is within a factor of two of what the heap grows by: ${shape}`, () => {
      expect(estimated / real).toBeGreaterThan(0.5);
      expect(estimated / real).toBeLessThan(2);
    });
  }

  test('counts shared and cyclic parts once', () => {
    const part = { text: 'x'.repeat(10_000) };
    const cyclic: Record<string, unknown> = { part };
    cyclic.self = cyclic;
    cyclic.list = [part, part, cyclic];
    expect(estimateBytes(cyclic)).toBeLessThan(11_000);
  });

  test('of an object shared at every level ends', () => {
    let value: unknown = 'x';
    for (let level = 0; level < 10_000; level++) value = [value, value];
    expect(estimateBytes(value)).toBeGreaterThan(10_000);
  });

  test('is bounded in work for values of any size, and still of the right order', () => {
    let looks = 0;
    const row = {
      get index(): number {
        looks += 1;
        return looks;
      },
    };
    const rows = Array.from({ length: 200_000 }, () => Object.create(null, Object.getOwnPropertyDescriptors(row)));
    const estimated = estimateBytes({ rows });
    expect(looks).toBeLessThan(100_000);
    expect(estimated).toBeGreaterThan(6_000_000);
    expect(estimated).toBeLessThan(40_000_000);
  });

  test('stops walking what has no end', () => {
    let made = 0;
    const endless = (): object => ({
      get next() {
        made += 1;
        return made < 1_000_000 ? endless() : null;
      },
    });
    expect(estimateBytes(endless())).toBeGreaterThan(1_000_000);
    expect(made).toBeLessThan(200_000);
  });

  test('tells text of one byte a character from text of two, also where only some characters are wide', () => {
    expect(estimateBytes('x'.repeat(1000))).toBe(1016);
    expect(estimateBytes('\u00ff'.repeat(1000))).toBe(1016);
    expect(estimateBytes('€'.repeat(1000))).toBe(2016);
    expect(estimateBytes('ab€d'.repeat(250))).toBe(2016);
  });

  test('never throws', () => {
    const hostile = {
      kept: 'x'.repeat(1000),
      get broken() {
        throw new Error('no');
      },
    };
    expect(estimateBytes(hostile)).toBeGreaterThan(1000);
    for (const value of [undefined, null, true, 0, 1.5, 'x', 10n, Symbol('s'), () => 1]) {
      expect(estimateBytes(value)).toBeGreaterThanOrEqual(0);
    }
    expect(estimateBytes(new Proxy({}, { ownKeys: () => 'no' as unknown as string[] }))).toBeGreaterThanOrEqual(0);
  });
});
