import { describe, expect, test } from 'vitest';
import { type Duration, MAX_DURATION_MS, toMs } from '../src/duration.ts';
import { expectCode } from './support/codes.ts';

describe('a duration', () => {
  const GOOD: readonly [Duration, number][] = [
    [1, 1],
    [1_500, 1_500],
    [0.1, 1],
    [1.2, 2],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['0.5ms', 1],
    [MAX_DURATION_MS, MAX_DURATION_MS],
    ['3650d', MAX_DURATION_MS],
  ];
  for (const [duration, ms] of GOOD) {
    test(`${duration} is ${ms} ms`, () => expect(toMs(duration, 'ttl')).toBe(ms));
  }

  const BAD: readonly unknown[] = [
    0,
    -1,
    -0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    MAX_DURATION_MS + 1,
    '3651d',
    '0s',
    '',
    ' 5m',
    '5m ',
    '5 m',
    '5',
    'm',
    '-5m',
    '+5m',
    '1e3s',
    '.5s',
    '5.s',
    '5M',
    '5w',
    '5ms5s',
    '5min',
    `${'9'.repeat(400)}s`,
    undefined,
    null,
    true,
    {},
    [],
    5n,
    new Date(),
  ];
  for (const duration of BAD) {
    test(`${typeof duration} ${String(duration).slice(0, 20)} is none`, async () => {
      const error = await expectCode('INVALID_DURATION', () => toMs(duration as Duration, 'memory.ttl'));
      expect(error.facts.subject).toBe('memory.ttl');
      expect(error.message.startsWith('memory.ttl ')).toBe(true);
    });
  }
});
