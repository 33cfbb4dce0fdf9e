import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Invalidation } from '../src/coherence/coordinator.ts';
import { floorBucket } from '../src/coherence/slots.ts';
import { Versions } from '../src/coherence/versions.ts';
import { somePrefix } from '../src/keys.ts';
import { NOTHING } from '../src/wire/event.ts';

const tags = (...names: string[]): Invalidation => ({ ...NOTHING, tags: names });
const prefixes = (...names: string[]): Invalidation => ({ ...NOTHING, prefixes: names });

describe('an entry', () => {
  test('is invalid from the number of its tag, prefix or clear on', () => {
    const versions = new Versions(100);
    versions.raise(5, tags('t'));
    versions.raise(7, prefixes('p:'));
    expect(versions.isValid('k', ['t'], 4)).toBe(false);
    expect(versions.isValid('k', ['t'], 5)).toBe(true);
    expect(versions.isValid('k', ['s'], 0)).toBe(true);
    expect(versions.isValid('p:k', [], 6)).toBe(false);
    expect(versions.isValid('p:k', [], 7)).toBe(true);
    expect(versions.isValid('p', [], 0)).toBe(true);
    versions.raise(9, { ...NOTHING, clear: true });
    expect(versions.isValid('any', [], 8)).toBe(false);
    expect(versions.isValid('any', ['t'], 9)).toBe(true);
  });

  test('is not touched by an event on keys alone', () => {
    const versions = new Versions(100);
    expect(versions.raise(5, { ...NOTHING, keys: ['k'] })).toBe(false);
    expect(versions.isValid('k', ['k'], 0)).toBe(true);
    expect(versions.newest).toBe(0);
  });

  test('is not revived by an older event that comes later', () => {
    const versions = new Versions(100);
    versions.raise(9, tags('t'));
    versions.raise(3, tags('t'));
    expect(versions.isValid('k', ['t'], 8)).toBe(false);
  });
});

describe('a version that was pruned', () => {
  test('leaves its floor: old entries stay invalid, tags and prefixes', () => {
    const versions = new Versions(16);
    versions.raise(1, tags('t'));
    versions.raise(2, prefixes('p:'));
    for (let seq = 3; seq < 200; seq++) versions.raise(seq, seq % 2 === 0 ? tags(`t${seq}`) : prefixes(`p${seq}:`));
    expect(versions.size).toBeLessThanOrEqual(16);
    expect(versions.isValid('k', ['t'], 0)).toBe(false);
    expect(versions.isValid('p:k', [], 1)).toBe(false);
    expect(versions.isValid('k', ['t'], 1)).toBe(true);
  });

  test('survives in a snapshot', () => {
    const versions = new Versions(16);
    for (let seq = 1; seq < 100; seq++) versions.raise(seq, tags(`t${seq}`));
    const copy = new Versions(16);
    copy.merge(versions.snapshot());
    for (let seq = 1; seq < 100; seq++) expect(copy.isValid('k', [`t${seq}`], seq - 1)).toBe(false);
  });

  test('survives a snapshot of one that holds fewer', () => {
    const versions = new Versions(1_000);
    for (let seq = 1; seq < 100; seq++) versions.raise(seq, tags(`t${seq}`));
    const copy = new Versions(16);
    copy.merge(versions.snapshot());
    expect(copy.size).toBeLessThanOrEqual(16);
    for (let seq = 1; seq < 100; seq++) expect(copy.isValid('k', [`t${seq}`], seq - 1)).toBe(false);
  });
});

test('a snapshot never lowers what is known', () => {
  const versions = new Versions(100);
  versions.raise(9, { ...NOTHING, tags: ['t'], prefixes: ['p:'], clear: true });
  versions.merge({
    tags: new Map([['t', 3]]),
    prefixes: new Map([['p:', 3]]),
    patterns: new Map(),
    clear: 3,
    floors: new Map(),
  });
  expect(versions.isValid('p:k', ['t'], 8)).toBe(false);
  expect(versions.clear).toBe(9);
});

// Symptom: a name held since an earlier event hid the floor of a later one that the other side had pruned.
test('a floor holds for a name that is held with an older version', () => {
  const versions = new Versions(100);
  versions.raise(20, tags('t'));
  const floors = new Map([[floorBucket('t', 't'), 35]]);
  versions.merge({ tags: new Map(), prefixes: new Map(), patterns: new Map(), clear: 0, floors });
  expect(versions.isValid('k', ['t'], 34)).toBe(false);
  expect(versions.isValid('k', ['t'], 35)).toBe(true);
});

test('a reset forgets everything', () => {
  const versions = new Versions(16);
  for (let seq = 1; seq < 50; seq++) versions.raise(seq, { ...tags(`t${seq}`), clear: true });
  versions.reset();
  expect(versions.isValid('k', ['t1', 't49'], 0)).toBe(true);
  expect([versions.size, versions.clear, versions.newest]).toEqual([0, 0, 0]);
});

test('against a plain model: never valid where the model says invalid, however little is kept', () => {
  const name = fc.constantFrom(...Array.from({ length: 40 }, (_, index) => `n${index}`));
  const event = fc.record({
    tags: fc.array(name, { maxLength: 3 }),
    prefixes: fc.array(
      name.map((text) => `${text}:`),
      { maxLength: 2 },
    ),
    patterns: fc.array(
      name.map((text) => `${text.slice(0, 2)}?:*`),
      { maxLength: 1 },
    ),
    clear: fc.integer({ min: 0, max: 30 }).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), fc.boolean(), (events, isRelayed) => {
      const small = new Versions(16);
      const whole = new Versions(10_000);
      for (const [index, { tags: named, prefixes: starts, patterns, clear }] of events.entries()) {
        const invalidation = { keys: [], tags: named, prefixes: starts, patterns, clear };
        small.raise(index + 1, invalidation);
        whole.raise(index + 1, invalidation);
      }
      const seen = new Versions(16);
      if (isRelayed) seen.merge(small.snapshot());
      for (let n = 0; n < 40; n++) {
        for (const lease of [0, 10, 40, 79]) {
          const judge = (versions: Versions) => versions.isValid(`n${n}:k`, [`n${39 - n}`], lease);
          if (judge(whole)) continue;
          expect(judge(small)).toBe(false);
          if (isRelayed) expect(judge(seen)).toBe(false);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(somePrefix('n1:k', (prefix) => prefix === 'n1:')).toBe(true);
});
