import { describe, expect, it } from 'vitest';
import { parseOptions, UsageError } from '../src/demo/options.ts';

describe('parseOptions', () => {
  it('runs 20 seconds on Redis by default', () => {
    expect(parseOptions([])).toEqual({ seconds: 20, seed: 1, embedded: false, json: false, traces: false });
  });

  it('takes what is given', () => {
    expect(parseOptions(['--seconds', '3', '--seed=0', '--embedded', '--json', '--traces'])).toEqual({
      seconds: 3,
      seed: 0,
      embedded: true,
      json: true,
      traces: true,
    });
    expect(parseOptions(['--help'])).toBe('help');
  });

  it.each([
    [['--seconds', '0'], "--seconds takes a whole number from 1 to 3600, not '0'"],
    [['--seconds', '1.5'], "--seconds takes a whole number from 1 to 3600, not '1.5'"],
    [['--seconds', 'soon'], "--seconds takes a whole number from 1 to 3600, not 'soon'"],
    [['--seconds', '3601'], "--seconds takes a whole number from 1 to 3600, not '3601'"],
    [['--seed', '-1'], "--seed takes a whole number from 0 to 4294967295, not '-1'"],
    [['--seconds'], "Option '--seconds <value>' argument missing"],
    [['--fast'], "Unknown option '--fast'"],
    [['fast'], "Unexpected argument 'fast'"],
  ])('refuses %j in one sentence', (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(new UsageError(sentence));
  });
});
