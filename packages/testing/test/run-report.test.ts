import { describe, expect, test } from 'vitest';
import { noCounters } from '../src/consistency/contract.ts';
import { omissions, type RunReport } from '../src/consistency/report.ts';
import { htmlReport } from '../src/consistency/report-html.ts';
import { formatReports } from '../src/consistency/report-text.ts';

const NO_TIMES = { count: 0, p50: 0, p99: 0, max: 0 };

function done(fault: 'cut' | 'migrate', ...outcomes: boolean[]) {
  return outcomes.map((isDone) => ({ fault, isDone, fromMs: 0, toMs: 1, detail: '' }));
}

/** The report of a run in which nothing went wrong. */
function reportOf(changes: Partial<RunReport>): RunReport {
  return {
    name: 'cut',
    faults: ['cut'],
    store: 'redis',
    ok: true,
    startedAt: '2026-01-01T00:00:00.000Z',
    seed: 1,
    instances: 3,
    partitions: undefined,
    keys: 10,
    leaseMs: 200,
    loadMs: 3_000,
    counters: { ...noCounters(), reads: 100, loads: 1, sharedHits: 31, sharedStored: 17 },
    sets: 0,
    invalidations: 1,
    undelivered: 0,
    staleness: NO_TIMES,
    violations: { staleness: 0, 'own-write': 0, linearizable: 0, monotonic: 0, convergence: 0 },
    stuckKeys: [],
    crashes: [],
    omissions: [],
    complaints: [],
    propagation: { fromCall: NO_TIMES, fromDelivery: NO_TIMES },
    faultsDone: done('cut', true),
    plot: [],
    examples: [],
    ...changes,
  };
}

describe('a run shows nothing', () => {
  const counters = { reads: 1, sharedHits: 1 };
  const store = 'redis';

  test('when none of the faults asked for was done', () => {
    const none = ['no fault was done of those asked for: cut, migrate'];
    expect(omissions({ faults: ['cut', 'migrate'], faultsDone: [], counters, store })).toEqual(none);
    expect(omissions({ faults: ['cut', 'migrate'], faultsDone: done('cut', false), counters, store })).toEqual(none);
  });

  test('when a fault failed as often as it was done', () => {
    const faultsDone = [...done('cut', true, true), ...done('migrate', true, false)];
    expect(omissions({ faults: ['cut', 'migrate'], faultsDone, counters, store })).toEqual([
      'the fault migrate could not be done 1 of 2 times',
    ]);
  });

  test('when nothing was read', () => {
    const nothing = { reads: 0, sharedHits: 0 };
    expect(omissions({ faults: [], faultsDone: [], counters: nothing, store })).toEqual(['nothing was read']);
  });

  test('when nothing was read from the Memcached it is about', () => {
    const faultsDone = done('cut', true);
    const unused = { faults: ['cut' as const], faultsDone, counters: { reads: 100, sharedHits: 0 } };
    expect(omissions({ ...unused, store: 'memcached' })).toEqual(['not one read was answered from Memcached']);
    expect(omissions({ ...unused, store: 'redis' })).toEqual([]);
  });
});

test('a run shows something when a fault failed now and then, or found no time beside others', () => {
  const faultsDone = done('cut', true, false, true);
  const run = { counters: { reads: 1, sharedHits: 1 }, store: 'memcached' } as const;
  expect(omissions({ ...run, faults: ['cut', 'migrate'], faultsDone })).toEqual([]);
  expect(omissions({ ...run, faults: [], faultsDone: [] })).toEqual([]);
});

test('a report tells how much the shared layer was used', () => {
  const report = reportOf({ store: 'memcached' });
  const [head, row] = formatReports([report])
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  const cellOf = (column: string): string | undefined => row?.[head?.indexOf(column) ?? -1];
  expect([cellOf('Memcached hits'), cellOf('stored')]).toEqual(['31', '17']);
  expect(htmlReport([report])).toMatch(/Memcached<\/th><td>31 reads answered, 17 entries stored/);
  expect(formatReports([reportOf({})])).toContain('Redis hits');
});

test('a report says in words why its run shows nothing, and does not call it broken', () => {
  const report = reportOf({ ok: false, omissions: ['nothing was read'] });
  const text = formatReports([reportOf({}), report]);
  expect(text).toContain('  nothing was read\n');
  expect(text).toContain('NOT SHOWN');
  expect(text).not.toContain('BROKEN');
  expect(text).not.toContain('Every promise was kept');
  expect(htmlReport([report])).toMatch(/class="bad">NOT SHOWN<.*nothing was read/s);
  expect(formatReports([reportOf({})])).toContain('Every promise was kept.');
  expect(formatReports([report, reportOf({ ok: false, stuckKeys: ['k'] })])).toContain('BROKEN: 1 breaches.');
});
