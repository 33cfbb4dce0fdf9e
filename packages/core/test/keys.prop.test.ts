import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkKey, childScope, type Scope, scoped, scopePrefixes, somePrefix, unscoped } from '../src/keys.ts';

const segment = fc.string({ unit: fc.constantFrom('a', 'b', '.', '_', '@', '-', '7'), minLength: 1, maxLength: 4 });
const path = fc.array(segment, { maxLength: 3 });
/** Built from what scoped keys are made of, so that clashes are likely where they are possible. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('\0', ':', '/', 'a', 'b', '7', '.'), minLength: 1, maxLength: 8 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
);

function scopeOf(names: readonly string[]): Scope {
  return names.reduce<Scope>((scope, name) => childScope(scope, name), '');
}

function coveredBy(key: string, prefixes: readonly string[]): boolean {
  return somePrefix(key, (prefix) => prefixes.includes(prefix));
}

const RUNS = { numRuns: 5_000 };

test('no two pairs of namespace and key share a scoped key', () => {
  fc.assert(
    fc.property(path, text, path, text, (pathA, keyA, pathB, keyB) => {
      const same = scoped(scopeOf(pathA), keyA) === scoped(scopeOf(pathB), keyB);
      expect(same).toBe(pathA.join('/') === pathB.join('/') && keyA === keyB);
    }),
    RUNS,
  );
});

test('a scoped key comes apart into what it was made of', () => {
  fc.assert(
    fc.property(path, text, (names, key) => {
      expect(unscoped(scoped(scopeOf(names), key))).toEqual({ path: names.join('/'), key });
    }),
    RUNS,
  );
});

test('a prefix covers exactly the keys of its own namespace that begin with it', () => {
  fc.assert(
    fc.property(path, text, path, text, (pathA, prefixText, pathB, key) => {
      const prefix = `${prefixText}:`;
      const isCovered = coveredBy(scoped(scopeOf(pathB), key), [scoped(scopeOf(pathA), prefix)]);
      expect(isCovered).toBe(pathA.join('/') === pathB.join('/') && key.startsWith(prefix));
    }),
    RUNS,
  );
});

test('the prefixes of a namespace cover exactly its own keys and those below it', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 3 }), path, text, (outer, inner, key) => {
      const isCovered = coveredBy(scoped(scopeOf(inner), key), scopePrefixes(scopeOf(outer)));
      expect(isCovered).toBe(outer.every((name, index) => inner[index] === name));
    }),
    RUNS,
  );
});

test('a key below a namespace is covered by the prefixes of every namespace above', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), text, (names, key) => {
      for (let depth = 1; depth <= names.length; depth++) {
        const above = scopePrefixes(scopeOf(names.slice(0, depth)));
        expect(coveredBy(scoped(scopeOf(names), key), above)).toBe(true);
      }
    }),
    RUNS,
  );
});

test('a key passes the check exactly when it survives UTF-8, so no two become one in the shared layer', () => {
  const codeUnits = fc.string({ unit: fc.constantFrom('a', 'é', '\ud83d', '\ude00'), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(codeUnits, (key) => {
      let isAccepted = true;
      try {
        checkKey(key);
      } catch {
        isAccepted = false;
      }
      expect(isAccepted).toBe(Buffer.from(key, 'utf8').toString('utf8') === key);
    }),
    { numRuns: 300 },
  );
});
