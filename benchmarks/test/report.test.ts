import { describe, expect, test } from 'vitest';
import { formatFigure, formatTarget } from '../src/figures.ts';
import { drawChart } from '../src/report/chart.ts';
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

test('the page has every target and every scenario, with what it does not show', () => {
  const machine = {
    cpu: 'c',
    cores: 2,
    memoryGiB: 1,
    loadAtStart: 0,
    system: 's',
    node: '24',
    v8: '',
    redis: '7',
    memcached: '1',
  };
  const report: Report = {
    machine: { ...machine, revision: 'abc', packages: { ioredis: '6.0.0' } },
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

test('figures have at most three digits that count', () => {
  expect(formatFigure(12_345_678, 'ops/s')).toBe('12.3 M/s');
  expect(formatFigure(999, 'ops/s')).toBe('999 /s');
  expect(formatFigure(1_234, 'ns')).toBe('1.23 µs');
  expect(formatFigure(360.4, 'bytes')).toBe('360 B');
  expect(formatTarget(1.3, 'times')).toBe('1.3 ×');
  expect(formatTarget(0.945, 'times')).toBe('0.94 ×');
  expect(formatTarget(15.2, 'times')).toBe('15 ×');
});
