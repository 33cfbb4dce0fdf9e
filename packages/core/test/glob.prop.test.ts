import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesGlob } from '../src/coherence/glob.ts';
import { childScope, MAX_KEY_LENGTH, scoped } from '../src/keys.ts';

const SEED = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

/** What a glob means, as plainly as it can be said; exponential in the number of stars. */
function matchesPlainly(glob: string, key: string): boolean {
  if (glob === '') return key === '';
  const [first = '', next] = glob;
  if (first === '*') {
    for (let at = 0; at <= key.length; at++) if (matchesPlainly(glob.slice(1), key.slice(at))) return true;
    return false;
  }
  if (key === '') return false;
  if (first === '?') return matchesPlainly(glob.slice(1), key.slice(1));
  const isEscaped = first === '\\' && next !== undefined;
  return (isEscaped ? next : first) === key[0] && matchesPlainly(glob.slice(isEscaped ? 2 : 1), key.slice(1));
}

const LETTERS = ['a', 'b', ':', '/', '\\', '*', '?', '['];
const text = (letters: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength }).map((list) => list.join(''));
const key = text(LETTERS, 8);
const glob = text(['a', 'b', ':', '\\', '*', '*', '?', '['], 6);
const scope = fc.constantFrom('', childScope('', 'a'), childScope(childScope('', 'a'), 'b'), childScope('', 'b'));

describe('a glob', () => {
  test('matches what a plain reading of it matches', () => {
    fc.assert(
      fc.property(glob, key, (pattern, name) => {
        expect(matchesGlob(pattern, name)).toBe(matchesPlainly(pattern, name));
      }),
      { ...SEED, numRuns: 20_000 },
    );
  });

  test('of a namespace matches the keys of this namespace by the same reading, and no others', () => {
    const odd = fc.oneof(
      key,
      key.map((name) => `\0${name}`),
    );
    const oddGlob = fc.oneof(
      glob,
      glob.map((pattern) => `\0${pattern}`),
    );
    fc.assert(
      fc.property(oddGlob, odd, scope, scope, (pattern, name, of, at) => {
        const expected = of === at && matchesPlainly(pattern, name);
        expect(matchesGlob(scoped(of, pattern), scoped(at, name))).toBe(expected);
      }),
      { ...SEED, numRuns: 20_000 },
    );
  });

  test.each([
    ['user:*', 'user:7', true],
    ['user:*', 'user:', true],
    ['user:*', 'users:7', false],
    ['*:draft', 'post:7:draft', true],
    ['post:?:draft', 'post:7:draft', true],
    ['post:?:draft', 'post:77:draft', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a\\\\*', 'a\\b', true],
    ['a\\', 'a\\', true],
    ['[ab]', '[ab]', true],
    ['[ab]', 'a', false],
    ['*', 'anything: at / all', true],
    ['**a**', 'bab', true],
    ['a', 'ab', false],
    ['', '', true],
    ['?', '', false],
  ])('%s of %s: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test('takes no more than its length times that of the key, whatever it is', () => {
    const long = 'a'.repeat(MAX_KEY_LENGTH);
    const bad = [
      `${'*a'.repeat(MAX_KEY_LENGTH / 2 - 1)}*b`,
      `${'*'.repeat(MAX_KEY_LENGTH - 1)}b`,
      `${'?*'.repeat(MAX_KEY_LENGTH / 2 - 1)}?b`,
      `*${'a'.repeat(MAX_KEY_LENGTH / 2)}b`,
      `${'*a?'.repeat(MAX_KEY_LENGTH / 3)}b`,
    ];
    for (const pattern of bad) {
      // One that backtracks further would not end.
      for (let i = 0; i < 10; i++) expect(matchesGlob(pattern, long)).toBe(false);
    }
  });
});
