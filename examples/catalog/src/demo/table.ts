import type { InstanceSummary, ResponseTimes, Summary } from './summary.ts';

/** What the head of the table says about the run. */
export interface TableHead {
  readonly title: string;
  readonly totalSeconds: number;
  /** Name of the shared layer: `redis` or `hub`. */
  readonly sharedLayer: string;
}

interface Row {
  readonly label: string;
  readonly cells: readonly string[];
}

const MAX_LABEL_WIDTH = 24;
const MIN_LABEL_WIDTH = 12;
const MAX_CELL_WIDTH = 12;
const MIN_CELL_WIDTH = 7;

const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** The live table: one column an instance, one row a figure. Narrow terminals get narrow columns and short labels. */
export function tableLines(summary: Summary, head: TableHead, columns: number): string[] {
  const rows = tableRows(summary, head);
  const cellCount = summary.instances.length + 1;
  const available = columns - 1;
  const labelWidth = clamp(available - cellCount * MIN_CELL_WIDTH, MIN_LABEL_WIDTH, MAX_LABEL_WIDTH);
  const cellWidth = clamp(Math.floor((available - labelWidth) / cellCount), MIN_CELL_WIDTH, MAX_CELL_WIDTH);
  const line = (label: string, rest: string): string => label.slice(0, labelWidth - 1).padEnd(labelWidth) + rest;
  const { withoutCache } = summary.responseTimes;
  const { staleAnswers, boundMs } = summary.staleness;
  return [
    `tierwise catalog: ${head.title}, ${Math.floor(summary.seconds)} of ${head.totalSeconds} s`,
    '',
    ...rows.map(({ label, cells }) => line(label, cells.map((cell) => cell.padStart(cellWidth)).join(''))),
    '',
    line('without cache', `  ${times(withoutCache)}`),
    line('changes', `  ${changes(summary)}`),
    line('stale answers', `  ${count.format(staleAnswers)}, bound ${count.format(boundMs)} ms`),
  ];
}

function tableRows(summary: Summary, { sharedLayer }: TableHead): Row[] {
  const { instances, hitRatio, databaseQueries, invalidations, staleness } = summary;
  const row = (label: string, cell: (instance: InstanceSummary) => string, all: string): Row => ({
    label,
    cells: [...instances.map(cell), all],
  });
  const all = summary.responseTimes.withCache;
  return [
    row('', ({ name }) => name, 'all'),
    row('requests', ({ responseTimes }) => count.format(responseTimes.requests), count.format(all.requests)),
    row('hits in memory', ({ hitRatio: { memory } }) => percent(memory), percent(hitRatio.memory)),
    row(`hits in ${sharedLayer}`, ({ hitRatio: { shared } }) => percent(shared), percent(hitRatio.shared)),
    row('p50 ms', ({ responseTimes: { p50Ms } }) => milliseconds(p50Ms), milliseconds(all.p50Ms)),
    row('p99 ms', ({ responseTimes: { p99Ms } }) => milliseconds(p99Ms), milliseconds(all.p99Ms)),
    row(
      'queries saved',
      (instance) => count.format(instance.databaseQueries.saved),
      count.format(databaseQueries.saved),
    ),
    row(
      'sent invalidations',
      (instance) => count.format(instance.invalidations.sent),
      count.format(invalidations.sent),
    ),
    row(
      'received invalidations',
      (instance) => count.format(instance.invalidations.received),
      count.format(invalidations.received),
    ),
    row('oldest stale answer ms', ({ oldestStaleMs }) => milliseconds(oldestStaleMs), milliseconds(staleness.oldestMs)),
  ];
}

/** One line about the run so far, for output that is no terminal. */
export function progressLine(summary: Summary, { sharedLayer }: TableHead): string {
  const { hitRatio, responseTimes, databaseQueries, staleness, requests } = summary;
  return [
    `${String(Math.floor(summary.seconds)).padStart(3)} s`,
    `${count.format(requests.total)} requests`,
    `hits ${percent(hitRatio.memory)} memory + ${percent(hitRatio.shared)} ${sharedLayer}`,
    `p50 ${milliseconds(responseTimes.withCache.p50Ms)} ms, p99 ${milliseconds(responseTimes.withCache.p99Ms)} ms`,
    `${count.format(databaseQueries.saved)} queries saved`,
    `oldest stale answer ${milliseconds(staleness.oldestMs)} ms`,
  ].join(', ');
}

/** The end of the output: what the run came to, and how it was measured. */
export function summaryLines(summary: Summary, { sharedLayer }: TableHead): string[] {
  const { hitRatio, responseTimes, databaseQueries, staleness, requests } = summary;
  const { withCache, withoutCache, reduction } = databaseQueries;
  const answered = count.format(requests.cached + requests.bypassed);
  return [
    `Summary of ${summary.seconds} s, ${count.format(requests.total)} requests, ${count.format(requests.failed)} failed`,
    `  hit ratio         ${percent(hitRatio.overall)}: ${percent(hitRatio.memory)} memory, ${percent(hitRatio.shared)} ${sharedLayer}`,
    `  with cache        ${times(responseTimes.withCache)}`,
    `  without cache     ${times(responseTimes.withoutCache)}`,
    `  response time     ${percent(responseTimes.meanReduction)} lower on average`,
    `  database queries  ${count.format(withCache)} instead of ${count.format(withoutCache)}, ${percent(reduction)} fewer`,
    `  changes           ${changes(summary)}`,
    `  stale answers     ${count.format(staleness.staleAnswers)}`,
    `  oldest of them    ${milliseconds(staleness.oldestMs)} ms; the bound is ${count.format(staleness.boundMs)} ms`,
    '',
    `Without cache: ${count.format(requests.bypassed)} of the ${answered} requests, chosen at random in this very run,`,
    'carried "x-cache: bypass" and went straight to the database. Queries without',
    'cache: what all other requests would have cost at the same rate. The start with',
    'empty caches is included.',
  ];
}

function times({ meanMs, p50Ms, p99Ms }: ResponseTimes): string {
  return `mean ${milliseconds(meanMs)} ms, p50 ${milliseconds(p50Ms)} ms, p99 ${milliseconds(p99Ms)} ms`;
}

function changes({ changes: { product, category, undelivered } }: Summary): string {
  return `products ${count.format(product)}, categories ${count.format(category)}, undelivered ${count.format(undelivered)}`;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function milliseconds(ms: number): string {
  return ms >= 100 ? count.format(ms) : ms.toFixed(ms >= 10 ? 1 : 2);
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}
