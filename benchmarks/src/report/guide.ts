import {
  expectedAMinute,
  type FalseInvalidations,
  lifeS,
  type MeasuredRow,
  measuredAMinute,
} from '../bucket-arithmetic.ts';
import type { Report } from '../result.ts';
import { machineLines, tableLines } from './page.ts';

/** Events a second and keys that the table of the arithmetic has beside those that were measured. */
const EXAMPLE = [1, 10_000] as const;

/**
 * The guide to Memcached with its figures as the results have them; everything else in it stays as it is.
 *
 * @throws {Error} naming the part that the guide has no place for
 */
export function writeGuide(text: string, report: Report, measured: FalseInvalidations): string {
  const layers = report.scenarios.find(({ name }) => name === 'layers');
  if (layers === undefined) throw new Error("the published run has no scenario 'layers'");
  const cost = [...machineLines(report.machine, report.startedAt.slice(0, 10)), '', ...tableLines(layers.groups)];
  return put(put(text, 'cost by layer', cost), 'false invalidations', falseInvalidationLines(measured));
}

function falseInvalidationLines({ machine, startedAt, buckets, rows }: FalseInvalidations): string[] {
  const [rate, keys] = EXAMPLE;
  const cells = (eventsPerSecond: number, count: number): string[] => [
    number(eventsPerSecond),
    number(count),
    number(expectedAMinute(eventsPerSecond, count, buckets)),
  ];
  const examples = [[...cells(rate, keys), '', duration(lifeS(rate, buckets))]];
  const seen = rows.map((row) => [
    ...cells(row.eventsPerSecond, row.keys),
    `${number(measuredAMinute(row))}${reached(row)}`,
    duration(lifeS(row.eventsPerSecond, buckets)),
  ]);
  const { redis, memcached, revision } = machine;
  const seconds = [...new Set(rows.map((row) => row.seconds))].join(' and ');
  return [
    '| events a second | keys | false invalidations a minute | measured | an entry lives |',
    '|---:|---:|---:|---:|---:|',
    ...[...examples, ...seen].map((row) => `| ${row.join(' | ')} |`),
    '',
    `Measured on ${startedAt.slice(0, 10)} for ${seconds} seconds each with Redis ${redis} and Memcached ${memcached}, tierwise at revision \`${revision}\`:`,
    'one instance without memory read the keys over and over, another one deleted other keys one by one; counted is what was loaded',
    'again (`npm run false-invalidations --workspace benchmarks`).',
  ];
}

/** The rate of events, where the machine did not make the one that was asked for. */
function reached({ events, seconds, eventsPerSecond }: MeasuredRow): string {
  const rate = number(events / seconds);
  return rate === number(eventsPerSecond) ? '' : ` at ${rate} a second`;
}

/** Replaces what is between the two marks of a part. */
function put(text: string, part: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- figures: ${part}; npm run bench:report -->`, '<!-- end of figures -->'];
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`there is no place for '${part}', between '${begin}' and '${end}'`);
  return [text.slice(0, from + begin.length), '', ...lines, '', text.slice(to)].join('\n');
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function duration(seconds: number): string {
  if (seconds >= 2 * 3_600) return `${(seconds / 3_600).toFixed(1)} h`;
  if (seconds >= 10 * 60) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds)} s`;
}
