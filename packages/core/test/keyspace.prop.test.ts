import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCache } from '../src/cache.ts';

const cache = createCache({ name: 'prop', ttl: '1m', memory: { maxEntries: 1 } });

/** Texts from the characters that rendering treats specially, so that clashes are likely where they are possible. */
const param = fc.oneof(
  fc.string({ unit: fc.constantFrom('%', ':', '2', '5', '3', 'A', 'a', 'x'), maxLength: 6 }),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
  fc.integer(),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.bigInt(),
  fc.boolean(),
);

const TEMPLATES = ['{a}:{b}', 'user:{a}:x:{b}', 'x{a}x:x{b}x', '{a}:::{b}:', 'a:{a}%:%{b}', '{b}a:a{a}'] as const;

test('no two sets of parameters share a key, equal text aside', () => {
  for (const template of TEMPLATES) {
    const space = cache.keyspace(template);
    fc.assert(
      fc.property(param, param, param, param, (a1, b1, a2, b2) => {
        const isSame = String(a1) === String(a2) && String(b1) === String(b2);
        expect(space.key({ a: a1, b: b1 }) === space.key({ a: a2, b: b2 })).toBe(isSame);
      }),
      { numRuns: 2_000 },
    );
  }
});
