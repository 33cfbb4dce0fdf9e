import type { HistoryEvent } from '../history/events.ts';
import { breaches, layerTitle, type RunReport, violationCount } from './report.ts';

const COLUMNS = [
  'fault',
  'Δ',
  'reads',
  'writes',
  'hits',
  'stored',
  'stale reads',
  'p50',
  'p99',
  'max',
  'violations',
  'stuck',
  'hung',
  'failed',
  'crashed',
  'propagation p50/p99',
];
const EXAMPLES_SHOWN = 3;

/** The report for the terminal. */
export function formatReports(reports: readonly RunReport[]): string {
  const layer = layerTitle(reports[0]?.store ?? 'redis');
  const head = COLUMNS.map((column) => (column === 'hits' ? `${layer} hits` : column));
  const rows = [head, ...reports.map(rowOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
  const notes =
    `Times in ms. Hits: reads that ${layer} answered; stored: entries it took. ` +
    'Stale reads: from before a delivered invalidation, within Δ; p50, p99 and max are theirs.';
  const partitions = reports[0]?.partitions;
  const where = partitions === undefined ? [] : [`On a Redis Cluster of six nodes, with ${partitions} partitions.`];
  return [...table, '', ...where, notes, ...reports.flatMap(detailsOf), '', verdictOn(reports), ''].join('\n');
}

function verdictOn(reports: readonly RunReport[]): string {
  if (reports.every(({ ok }) => ok)) return 'Every promise was kept.';
  const broken = reports.reduce((sum, report) => sum + breaches(report), 0);
  if (broken > 0) return `BROKEN: ${broken} breaches.`;
  return 'NOT SHOWN: no promise was seen broken, but a run did not do what it was to do.';
}

function rowOf(report: RunReport): string[] {
  const { counters, staleness, propagation } = report;
  const share = counters.reads === 0 ? 0 : (100 * staleness.count) / counters.reads;
  return [
    report.name,
    String(report.leaseMs),
    String(counters.reads),
    String(counters.writes),
    String(counters.sharedHits),
    String(counters.sharedStored),
    `${staleness.count} (${share.toFixed(2)} %)`,
    staleness.p50.toFixed(1),
    staleness.p99.toFixed(1),
    staleness.max.toFixed(1),
    String(violationCount(report)),
    String(report.stuckKeys.length),
    String(counters.hung),
    String(counters.failed),
    String(report.crashes.length),
    `${propagation.fromCall.p50.toFixed(1)} / ${propagation.fromCall.p99.toFixed(1)}`,
  ];
}

function detailsOf(report: RunReport): string[] {
  const lines = [...report.omissions, ...report.crashes, ...report.complaints].map((line) => `  ${line}`);
  for (const { rule, instance, key, message, history } of report.examples.slice(0, EXAMPLES_SHOWN)) {
    lines.push(`  ${rule}: ${instance} on ${key} ${message}`, ...history.map((event) => `    ${describeEvent(event)}`));
  }
  if (report.stuckKeys.length > 0) lines.push(`  stuck: ${report.stuckKeys.join(', ')}`);
  if (lines.length === 0) return [];
  return ['', `${report.name}, seed ${report.seed}:`, ...lines];
}

/** One line about one event. */
export function describeEvent(event: HistoryEvent): string {
  if (event.type === 'settled') return `${event.atMs.toFixed(1)} all settled`;
  const span = `${event.beganMs.toFixed(1)} to ${event.endedMs.toFixed(1)} ${event.instance}`;
  if (event.type === 'read') {
    const loaded = event.loadBeganMs === undefined ? '' : `, loaded from ${event.loadBeganMs.toFixed(1)}`;
    return `${span} ${event.via ?? 'read'}: version ${event.version}${loaded}`;
  }
  const outcome = event.delivered ? 'delivered' : 'not delivered';
  if (event.type === 'set') return `${span} set: version ${event.version}, ${outcome}`;
  const count = event.keys === 'all' ? 'all' : String(event.keys.length);
  const [version] = event.versions ?? [];
  const committed = event.keys.length === 1 && version !== undefined ? ` after version ${version}` : '';
  const everywhere = event.linearized === true ? ', in force everywhere' : '';
  return `${span} ${event.via ?? 'invalidate'}${committed}: ${count} keys, ${outcome}${everywhere}`;
}
