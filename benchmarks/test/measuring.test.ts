import { SeededRandom } from '@tierwise/testing';
import { describe, expect, test } from 'vitest';
import { inTurn, uniform, zipf } from '../src/key-sequence.ts';
import { compileLoop, type Pace } from '../src/loops.ts';
import { median, percentile, type ScenarioResult, toResult } from '../src/result.ts';
import { judge, pairedRatio } from '../src/targets.ts';
import { keysUpTo } from '../src/values.ts';

describe('a loop', () => {
  const keys = inTurn(keysUpTo(3));

  test.each<[string, Pace, number]>([
    ['sync', 'sync', 10],
    ['awaited', 'awaited', 10],
    ['at once', { atOnce: 5 }, 10],
  ])('%s calls once for each operation, with the keys in turn', async (_name, pace, operations) => {
    const calls: [string, number][] = [];
    const loop = compileLoop((key, index) => calls.push([key, index]), keys, pace);
    await loop(operations, 5);
    expect(calls).toEqual(Array.from({ length: operations }, (_, at) => [keys[at + 5], at + 5]));
  });

  test('has no more calls under way than it says', async () => {
    let [running, most] = [0, 0];
    const call = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    };
    await compileLoop(call, keys, { atOnce: 7 })(21, 0);
    expect(most).toBe(7);
  });

  test('answers with what the last call brought', async () => {
    for (const pace of ['sync', 'awaited', { atOnce: 2 }] as const) {
      expect(await compileLoop((key) => key, keys, pace)(4, 0)).toBe(keys[3]);
    }
  });
});

describe('keys', () => {
  const keys = keysUpTo(100);

  test('are the same for the same seed', () => {
    expect(zipf(keys, new SeededRandom(7))).toEqual(zipf(keys, new SeededRandom(7)));
    expect(zipf(keys, new SeededRandom(7))).not.toEqual(zipf(keys, new SeededRandom(8)));
  });

  test('by Zipf the first comes about twice as often as the second, and even ones do not', () => {
    const countOf = (sequence: readonly string[], key: string): number =>
      sequence.filter((each) => each === key).length;
    const skewed = zipf(keys, new SeededRandom(1));
    expect(countOf(skewed, 'user:0') / countOf(skewed, 'user:1')).toBeCloseTo(2, 0);
    const even = uniform(keys, new SeededRandom(1));
    expect(countOf(even, 'user:0') / countOf(even, 'user:1')).toBeCloseTo(1, 0);
  });
});

describe('figures', () => {
  test('percentiles are samples that were taken', () => {
    const samples = [5, 1, 4, 2, 3];
    expect(median(samples)).toBe(3);
    expect(percentile(samples, 0.99)).toBe(5);
    expect(percentile(samples, 0)).toBe(1);
    expect(toResult('x', samples)).toEqual({ subject: 'x', samples, median: 3, lowest: 1, highest: 5 });
  });

  test('a ratio is that of the rounds, so a round that was slow for both does not count', () => {
    expect(pairedRatio([10, 1, 10], [5, 0.5, 5])).toBe(2);
  });
});

describe('a target', () => {
  const peeks = (own: number): ScenarioResult[] => {
    const results = [toResult('tierwise', [own]), toResult('lru-cache', [100])];
    const groups = [{ name: 'sync, uniform', unit: 'ops/s', better: 'more', results }] as const;
    return [{ name: 'l1', title: '', question: '', limits: '', groups }];
  };
  const outcomeOf = (own: number) =>
    judge(peeks(own)).find(({ target }) => target.beside.includes('LRUCache.get` with'));

  test('is met at its bound and not below it', () => {
    expect(outcomeOf(60)).toMatchObject({ measured: 0.6, isMet: true });
    expect(outcomeOf(59)).toMatchObject({ isMet: false });
  });

  test('is neither where the run has no figures for it', () => {
    expect(judge([]).every(({ measured, isMet }) => measured === undefined && isMet === undefined)).toBe(true);
  });
});
