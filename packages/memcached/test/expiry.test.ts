import { describe, expect, it } from 'vitest';
import { expirySeconds } from '../src/expiry.ts';

const NOW_MS = Date.UTC(2026, 10, 20);
const DAY_MS = 24 * 60 * 60 * 1000;

describe('the expiry a server is told', () => {
  it('is never earlier than the lifetime, by a clock that ticks once a second', () => {
    expect([1, 999, 1_000, 1_001, 59_999].map((ms) => expirySeconds(ms, NOW_MS))).toEqual([2, 2, 2, 3, 61]);
  });

  it('stays 0 for ever', () => {
    expect(expirySeconds(0, NOW_MS)).toBe(0);
  });

  it('becomes a Unix time past 30 days, where a server reads it as one', () => {
    expect(expirySeconds(30 * DAY_MS - 1_000, NOW_MS)).toBe(30 * 24 * 3600);
    expect(expirySeconds(30 * DAY_MS, NOW_MS)).toBe(NOW_MS / 1000 + 30 * 24 * 3600 + 1);
  });

  it('is for ever where 32 bits cannot tell it', () => {
    expect(expirySeconds(365 * 100 * DAY_MS, NOW_MS)).toBe(0);
  });
});
