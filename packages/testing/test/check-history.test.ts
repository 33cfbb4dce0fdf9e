import { describe, expect, it } from 'vitest';
import {
  checkHistory,
  formatHistory,
  type HistoryEvent,
  type InvalidateEvent,
  parseHistory,
  type ReadEvent,
  type SetEvent,
} from '../src/index.ts';

const LEASE_MS = 200;

function read(
  instance: string,
  beganMs: number,
  version: number,
  loadBeganMs?: number,
  endedMs = beganMs + 1,
): ReadEvent {
  const dating = loadBeganMs === undefined ? {} : { loadBeganMs };
  return { type: 'read', instance, key: 'k', version, beganMs, endedMs, ...dating };
}

function invalidate(beganMs: number, endedMs: number, more: Partial<InvalidateEvent> = {}): InvalidateEvent {
  return { type: 'invalidate', instance: 'w', keys: ['k'], beganMs, endedMs, delivered: true, ...more };
}

function set(beganMs: number, endedMs: number, version: number, delivered = true): SetEvent {
  return { type: 'set', instance: 'w', key: 'k', version, beganMs, endedMs, delivered };
}

function check(...log: HistoryEvent[]) {
  return checkHistory(log, { leaseMs: LEASE_MS });
}

const NONE = { staleness: 0, 'own-write': 0, linearizable: 0, monotonic: 0, convergence: 0 };

describe('checkHistory', () => {
  it('accepts fresh reads, and stale ones within Δ, which it measures', () => {
    const verdict = check(invalidate(100, 110), read('a', 105, 1, 50), read('a', 200, 1, 50), read('b', 200, 2, 120));
    expect(verdict.violations).toEqual(NONE);
    expect(verdict.reads).toBe(3);
    expect(verdict.staleReads.map(({ stalenessMs }) => stalenessMs)).toEqual([90]);
    expect(verdict.staleness).toEqual({ count: 1, p50: 90, p99: 90, max: 90 });
  });

  it('sees a read that is stale for longer than Δ, and tells its history', () => {
    const verdict = check(invalidate(100, 110), read('a', 310, 1, 50), read('a', 311, 1, 50));
    expect(verdict.violations).toEqual({ ...NONE, staleness: 1 });
    expect(verdict.examples[0]).toMatchObject({ rule: 'staleness', key: 'k', instance: 'a', read: { beganMs: 311 } });
    expect(verdict.examples[0]?.history.map(({ type }) => type)).toEqual(['invalidate', 'read', 'read']);
  });

  it('counts from the first invalidation that a value is from before, not from the last', () => {
    const verdict = check(invalidate(100, 110), invalidate(250, 260), read('a', 320, 1, 50));
    expect(verdict.violations.staleness).toBe(1);
    expect(verdict.staleness.max).toBe(210);
  });

  it('does not hold a later invalidation against a value loaded since the first', () => {
    const verdict = check(invalidate(100, 110), invalidate(450, 460), read('a', 500, 2, 120));
    expect(verdict.staleness.max).toBe(40);
    expect(verdict.violations).toEqual(NONE);
  });

  it('gives a load that ran beside the invalidation the benefit of the doubt', () => {
    expect(check(invalidate(100, 110), read('a', 900, 1, 105)).violations).toEqual(NONE);
  });

  it('counts an undelivered invalidation from its delivery only', () => {
    const undelivered = invalidate(100, 110, { delivered: false });
    expect(check(undelivered, read('a', 900, 1, 50)).violations).toEqual(NONE);
    const delivered = invalidate(100, 800);
    expect(check(undelivered, delivered, read('a', 900, 1, 50)).staleness.max).toBe(100);
    expect(check(undelivered, delivered, read('a', 1_001, 1, 50)).violations.staleness).toBe(1);
  });

  it('takes a set for an invalidation of everything older, and its own value for fresh', () => {
    expect(check(set(100, 110, 2), read('a', 900, 2, 100)).violations).toEqual(NONE);
    expect(check(set(100, 110, 2), read('a', 900, 1, 50)).violations.staleness).toBe(1);
    expect(check(set(100, 110, 2, false), read('a', 900, 1, 50)).violations).toEqual(NONE);
  });

  it('knows that clearing everything concerns every key', () => {
    expect(check(invalidate(100, 110, { keys: 'all' }), read('a', 900, 1, 50)).violations.staleness).toBe(1);
  });

  it('leaves other keys alone', () => {
    expect(check(invalidate(100, 110, { keys: ['other'] }), read('a', 900, 1, 50)).violations).toEqual(NONE);
  });

  it('sees an instance go back behind an invalidation, even within Δ', () => {
    const verdict = check(invalidate(100, 110), read('a', 120, 2, 115), read('a', 130, 1, 50));
    expect(verdict.violations).toEqual({ ...NONE, monotonic: 1 });
    expect(verdict.examples[0]).toMatchObject({ rule: 'monotonic', read: { version: 1 } });
  });

  it('sees an instance miss its own call, delivered or not', () => {
    const own = { instance: 'a' };
    expect(check(invalidate(100, 110, own), read('a', 111, 1, 50)).violations).toEqual({ ...NONE, 'own-write': 1 });
    expect(check(invalidate(100, 110, own), read('a', 109, 1, 50)).violations).toEqual(NONE);
    const journaled = invalidate(100, 110, { ...own, delivered: false });
    expect(check(journaled, read('a', 900, 1, 50)).violations).toEqual({ ...NONE, 'own-write': 1 });
    expect(check(journaled, read('b', 900, 1, 50)).violations).toEqual(NONE);
  });

  it('sees an old value answered after a linearizable write', () => {
    const write = invalidate(100, 110, { linearized: true });
    expect(check(write, read('a', 111, 1, 50)).violations).toEqual({ ...NONE, linearizable: 1 });
    expect(check(write, read('a', 109, 1, 50), read('a', 111, 2, 102)).violations).toEqual(NONE);
  });

  it('lets another instance, and a read that overlaps, answer from before', () => {
    const newer = read('a', 120, 2, 115, 140);
    expect(check(invalidate(100, 110), newer, read('b', 150, 1, 50)).violations).toEqual(NONE);
    expect(check(invalidate(100, 110), newer, read('a', 130, 1, 50)).violations).toEqual(NONE);
  });

  it('lets versions go back where no invalidation lies between', () => {
    expect(check(read('a', 120, 2, 115), read('a', 130, 1, 50)).violations).toEqual(NONE);
  });

  it('decides by versions where loads are not dated', () => {
    const event = invalidate(100, 110, { versions: [2] });
    expect(check(event, read('a', 200, 1)).staleness.max).toBe(90);
    expect(check(event, read('a', 311, 1)).violations.staleness).toBe(1);
    expect(check(event, read('a', 311, 2)).violations).toEqual(NONE);
    expect(check(event, read('a', 120, 2), read('a', 130, 1)).violations.monotonic).toBe(1);
    expect(check(event, read('a', 105, 2), read('a', 130, 1)).violations).toEqual(NONE);
  });

  it('sees a key that is stuck once everything has settled', () => {
    const settled: HistoryEvent = { type: 'settled', atMs: 1_000, versions: { k: 3 } };
    const verdict = check(settled, read('a', 1_150, 2, 1), read('a', 1_201, 2, 1), read('b', 1_201, 3, 1));
    expect(verdict.violations).toEqual({ ...NONE, convergence: 1 });
    expect(verdict.stuckKeys).toEqual(['k']);
  });

  it('counts all violations and tells no more than asked for', () => {
    const reads = Array.from({ length: 30 }, (_, i) => read('a', 900 + 2 * i, 1, 50));
    const verdict = checkHistory([invalidate(100, 110), ...reads], { leaseMs: LEASE_MS, maxExamples: 3 });
    expect(verdict.violations.staleness).toBe(30);
    expect(verdict.examples).toHaveLength(3);
  });

  it('does not depend on the order of the log', () => {
    const log = [read('a', 130, 1, 50), read('a', 120, 2, 115), invalidate(100, 110), read('b', 400, 1, 50)];
    expect(check(...log).violations).toEqual(check(...log.toReversed()).violations);
  });

  it('reads back what it writes', () => {
    const log = [invalidate(100, 110), read('a', 120, 2, 115), set(1, 2, 3)];
    expect(parseHistory(`${formatHistory(log)}\n`)).toEqual(log);
  });
});
