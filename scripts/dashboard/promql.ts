import type { Query } from './panels.ts';

/** The caches and instances that are chosen at the top of the dashboard. */
export const ALL = 'cache_name=~"$cache", instance=~"$instance"';

/** Growth of a counter, a second. */
export function rate(metric: string, matcher?: string): string {
  return `rate(${metric}{${ALL}${matcher === undefined ? '' : `, ${matcher}`}}[$__rate_interval])`;
}

/** Growth of a counter, a second, added up over everything but these labels. */
export function sumBy(labels: string, metric: string, matcher?: string): string {
  return `sum by (${labels}) (${rate(metric, matcher)})`;
}

/** A figure of each instance. */
export function perInstance(metric: string): Query {
  return { expr: `sum by (instance) (${metric}{${ALL}})`, legend: '{{instance}}' };
}

/** The usual percentiles of a histogram. */
export function quantiles(metric: string): Query[] {
  return [50, 95, 99].map((percent) => ({
    expr: `histogram_quantile(${percent / 100}, sum by (le) (${rate(`${metric}_bucket`)}))`,
    legend: `${percent} %`,
  }));
}
