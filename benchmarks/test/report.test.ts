import { describe, expect, test } from 'vitest';
import type { FalseInvalidations } from '../src/bucket-arithmetic.ts';
import { formatFigure, formatTarget } from '../src/figures.ts';
import { drawChart } from '../src/report/chart.ts';
import { writeGuide } from '../src/report/guide.ts';
import { writePage } from '../src/report/page.ts';
import { type Group, type Report, type ScenarioResult, toResult } from '../src/result.ts';
import { TARGETS } from '../src/targets.ts';

function scenario(results: Group['results'], more: Partial<Group> = {}): ScenarioResult {
  const groups = [{ name: 'group', unit: 'ops/s', better: 'more', results, ...more }] as const;
  return { name: 'some', title: 'Some <title>', question: 'What?', limits: 'Nothing else.', groups };
}

/** Widths of the bars, from top to bottom. */
function widthsIn(chart: string): number[] {
  return [...chart.matchAll(/class="bar" [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
}

describe('a chart', () => {
  test('has bars in proportion, the best on top', () => {
    const chart = drawChart(scenario([toResult('slow', [50]), toResult('quick', [100])]));
    const [quick = 0, slow = 0] = widthsIn(chart);
    expect(quick).toBeCloseTo(2 * slow, 0);
    expect(chart.indexOf('>quick<')).toBeLessThan(chart.indexOf('>slow<'));
  });

  test('puts the least on top where less is better', () => {
    const chart = drawChart(
      scenario([toResult('slow', [50]), toResult('quick', [10])], { unit: 'ms', better: 'less' }),
    );
    expect(chart.indexOf('>quick<')).toBeLessThan(chart.indexOf('>slow<'));
  });

  test('says so where lengths are no proportions', () => {
    expect(drawChart(scenario([toResult('a', [1]), toResult('b', [10])]))).not.toContain('order of magnitude');
    expect(drawChart(scenario([toResult('a', [1]), toResult('b', [1e5])]))).toContain('order of magnitude');
  });

  test('stays inside the picture whatever one round did, and where nothing was counted', () => {
    const chart = drawChart(scenario([toResult('a', [1, 1, 1_000]), toResult('none', [0, 0, 0])]));
    for (const [, x] of chart.matchAll(/ x[12]?="([^"]+)"/g)) expect(Number(x)).toBeLessThanOrEqual(760);
    expect(chart).not.toContain('NaN');
  });

  test('has a title and the figures as text, and colours for dark pages', () => {
    const chart = drawChart(scenario([toResult('tierwise', [1_500])]));
    expect(chart).toContain('<title>Some &lt;title&gt;</title>');
    expect(chart).toContain('<desc>group: tierwise 1.50 k/s.</desc>');
    expect(chart).toContain('prefers-color-scheme: dark');
  });
});

const MACHINE = {
  cpu: 'c',
  cores: 2,
  memoryGiB: 1,
  loadAtStart: 0,
  system: 's',
  node: '24',
  v8: '',
  redis: '7',
  memcached: '1',
  revision: 'abc',
  packages: { ioredis: '6.0.0' },
};

test('the page has every target and every scenario, with what it does not show', () => {
  const report: Report = {
    machine: MACHINE,
    startedAt: '2026-11-20T00:00:00Z',
    tookS: 90,
    seed: 1,
    rounds: 9,
    scenarios: [scenario([toResult('tierwise', [10], { 'loader calls': 1 }), toResult('other', [20])])],
  };
  const page = writePage(report, 'results.json');
  for (const { what } of TARGETS) expect(page).toContain(what);
  for (const text of ['| tierwise | 10.0 /s ±0 % | 1 |', '](benchmarks/some.svg)', 'Nothing else.', '6.0.0', 'abc']) {
    expect(page).toContain(text);
  }
});

// Symptom: the page explained a column of least work that stood empty, since the run had measured none.
test('the page tells of least work only as far as the run measured it', () => {
  const l1 = (...subjects: string[]): ScenarioResult => ({
    ...scenario([], { name: 'sync, uniform', results: subjects.map((name) => toResult(name, [10])) }),
    name: 'l1',
  });
  const pageOf = (one: ScenarioResult): string =>
    writePage(
      { machine: MACHINE, startedAt: '2026-11-20T00:00:00Z', tookS: 90, seed: 1, rounds: 9, scenarios: [one] },
      'results.json',
    );
  expect(pageOf(l1('tierwise', 'lru-cache'))).not.toMatch(/least work/i);
  const page = pageOf(l1('tierwise', 'lru-cache', 'judged Map'));
  expect(page).toContain('| 1.0 ×, a judged `Map` |');
  expect(page).toContain('- a judged `Map`: the least work of a hit');
  expect(page).not.toContain('- `MGET`');
});

describe('the guide to Memcached', () => {
  const layers = {
    ...scenario([toResult('Redis', [144_700])], { name: 'one answer', unit: 'ns', better: 'less' }),
    name: 'layers',
  };
  const startedAt = '2026-11-20T00:00:00Z';
  const report: Report = { machine: MACHINE, startedAt, tookS: 1, seed: 1, rounds: 3, scenarios: [layers] };
  const row = { eventsPerSecond: 100, keys: 2_000, seconds: 30, events: 2_970, loads: 380, unproved: 4 };
  const measured: FalseInvalidations = { machine: MACHINE, startedAt, buckets: 16_384, rows: [row] };
  const guide = [
    'Before.',
    '<!-- figures: cost by layer; npm run bench:report -->\nold\n<!-- end of figures -->',
    'Between.',
    '<!-- figures: false invalidations; npm run bench:report -->\n<!-- end of figures -->',
    'After.\n',
  ].join('\n\n');

  test('gets its figures from the results, and nothing else is changed', () => {
    const text = writeGuide(guide, report, measured);
    expect(text).toContain('| Redis | 145 µs ±0 % |');
    expect(text).toContain('| 100 | 2,000 | 732 | 752 at 99 a second | 164 s |');
    expect(text).not.toContain('old');
    expect(text.startsWith('Before.\n\n<!-- figures: cost')).toBe(true);
    expect(text).toContain('\n\nBetween.\n\n');
    expect(text.endsWith('<!-- end of figures -->\n\nAfter.\n')).toBe(true);
    expect(writeGuide(text, report, measured)).toBe(text);
  });

  test('is refused where it has no place for them', () => {
    expect(() => writeGuide('Nothing.', report, measured)).toThrow("'cost by layer'");
    expect(() => writeGuide(guide, { ...report, scenarios: [] }, measured)).toThrow("'layers'");
  });
});

test('figures have at most three digits that count', () => {
  expect(formatFigure(12_345_678, 'ops/s')).toBe('12.3 M/s');
  expect(formatFigure(999, 'ops/s')).toBe('999 /s');
  expect(formatFigure(1_234, 'ns')).toBe('1.23 µs');
  expect(formatFigure(360.4, 'bytes')).toBe('360 B');
  expect(formatTarget(1.3, 'times')).toBe('1.3 ×');
  expect(formatTarget(0.945, 'times')).toBe('0.94 ×');
  expect(formatTarget(15.2, 'times')).toBe('15.2 ×');
});
