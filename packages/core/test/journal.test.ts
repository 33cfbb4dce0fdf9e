import { describe, expect, test } from 'vitest';
import type { Invalidation } from '../src/coherence/coordinator.ts';
import { Journal } from '../src/coherence/journal.ts';
import { NOTHING } from '../src/wire/event.ts';

const keys = (...names: string[]): Invalidation => ({ ...NOTHING, keys: names });
const CLEAR: Invalidation = { ...NOTHING, clear: true };

describe('the journal', () => {
  test('covers what waits, and no longer once it is delivered', () => {
    const journal = new Journal(100);
    const one = { ...NOTHING, keys: ['k'], tags: ['t'], prefixes: ['p:'] };
    journal.add(one);
    expect(journal.covers('k', [])).toBe(true);
    expect(journal.covers('x', ['s', 't'])).toBe(true);
    expect(journal.covers('p:x:y', [])).toBe(true);
    expect(journal.covers('p', [])).toBe(false);
    expect(journal.covers('x', ['s'])).toBe(false);
    expect(journal.size).toBe(3);
    journal.delivered(one);
    expect(journal.covers('k', ['t'])).toBe(false);
    expect(journal.covers('p:x', [])).toBe(false);
    expect(journal.size).toBe(0);
  });

  test('covers a name until the last call that named it is delivered', () => {
    const journal = new Journal(100);
    const [first, second] = [keys('k'), keys('k')];
    journal.add(first);
    journal.add(second);
    journal.delivered(first);
    expect(journal.covers('k', [])).toBe(true);
    journal.delivered(second);
    expect(journal.covers('k', [])).toBe(false);
  });

  test('hands out the oldest first, as many as fit but at least one', () => {
    const journal = new Journal(100);
    const calls = [keys('a', 'b', 'c'), keys('d'), keys('e'), CLEAR, keys('f')];
    for (const call of calls) journal.add(call);
    expect(journal.first(2)).toEqual([calls[0]]);
    expect(journal.first(4)).toEqual(calls.slice(0, 2));
    expect(journal.first(5)).toEqual(calls.slice(0, 4));
    expect(journal.first(100)).toEqual(calls);
  });

  test('becomes one clear past its limit of names', () => {
    const journal = new Journal(16);
    for (let i = 0; i < 17; i++) journal.add(keys(`k${i}`));
    expect(journal.first(100)).toEqual([CLEAR]);
    expect(journal.covers('anything', [])).toBe(true);
    expect(journal.size).toBe(1);
  });

  test('becomes one clear past its limit of calls, though they name the same', () => {
    const journal = new Journal(16);
    for (let i = 0; i < 16; i++) journal.add(keys('k'));
    expect(journal.covers('other', [])).toBe(false);
    journal.add(keys('k'));
    expect(journal.first(100)).toEqual([CLEAR]);
  });

  test('delivers a call that was folded into a clear without ending the cover', () => {
    const journal = new Journal(16);
    const first = keys('k');
    journal.add(first);
    const batch = journal.first(100);
    for (let i = 0; i < 20; i++) journal.add(keys(`k${i}`));
    for (const call of batch) journal.delivered(call);
    expect(journal.covers('k', [])).toBe(true);
  });

  test('stays within its limit whatever comes', () => {
    const journal = new Journal(16);
    for (let i = 0; i < 1_000; i++) {
      journal.add(i % 3 === 0 ? CLEAR : keys(`a${i}`, `b${i}`));
      expect(journal.size).toBeLessThanOrEqual(16);
      expect(journal.first(10_000).length).toBeLessThanOrEqual(16);
      expect(journal.covers(`a${i}`, [])).toBe(true);
    }
  });
});
