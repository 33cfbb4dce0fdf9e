import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChurnMap } from '../src/churn-map.ts';

const step = fc.record({
  kind: fc.constantFrom('set', 'set', 'delete', 'delete', 'clear'),
  key: fc.integer({ min: 0, max: 99 }).map(String),
});

test('does what a map does, in its order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1_000, size: 'max' }), (steps) => {
      const map = new ChurnMap<number>();
      const model = new Map<string, number>();
      for (const [index, { kind, key }] of steps.entries()) {
        if (kind === 'clear') {
          if (index % 20 > 0) continue;
          map.clear();
          model.clear();
        } else if (kind === 'set') {
          map.set(key, index);
          model.set(key, index);
        } else {
          expect(map.delete(key)).toBe(model.delete(key));
        }
        expect(map.get(key)).toBe(model.get(key));
        expect(map.size).toBe(model.size);
      }
      expect([...map.keys()]).toEqual([...model.keys()]);
    }),
    { numRuns: 50 },
  );
});

// The second figure is the reason for the class: once it is small as well, a plain map will do.
test('what has gone is garbage for the next small collection, unlike in a plain map', () => {
  const fixture = fileURLToPath(new URL('./fixtures/churn.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--expose-gc', '--no-warnings', fixture], { encoding: 'utf8' });
  const { own, plain } = JSON.parse(output) as { own: number; plain: number };
  expect(own).toBeLessThan(2_000_000);
  expect(plain).toBeGreaterThan(4_000_000);
});
