import type { Machine } from './machine.ts';

/** What a figure counts. */
export type Unit = 'ops/s' | 'ns' | 'ms' | 'bytes' | '%' | 'queries';

/** One subject's figures in one group: a sample a round. */
export interface Result {
  readonly subject: string;
  readonly samples: readonly number[];
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** What was counted beside, such as loader calls; medians over the rounds where they differ. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** Subjects that did the same, side by side. */
export interface Group {
  readonly name: string;
  readonly unit: Unit;
  readonly better: 'more' | 'less';
  readonly results: readonly Result[];
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly limits: string;
  readonly groups: readonly Group[];
}

/** All that one run found out; what is committed and what the documents are made from. */
export interface Report {
  readonly machine: Machine;
  readonly startedAt: string;
  readonly tookS: number;
  readonly seed: number;
  readonly rounds: number;
  readonly scenarios: readonly ScenarioResult[];
}

/** Four digits are more than the spread of any of these leaves standing. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

export function toResult(
  subject: string,
  samples: readonly number[],
  counts?: Readonly<Record<string, number>>,
): Result {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    subject,
    samples: samples.map(round),
    median: round(median(samples)),
    lowest: round(sorted[0] ?? Number.NaN),
    highest: round(sorted.at(-1) ?? Number.NaN),
    ...(counts !== undefined && { counts }),
  };
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** The smallest sample that at least this share of all samples does not exceed. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** One subject's figures in a group of a scenario; `undefined` where it was not measured. */
export function resultOf(
  scenarios: readonly ScenarioResult[],
  scenario: string,
  group: string,
  subject: string,
): Result | undefined {
  return scenarios
    .find(({ name }) => name === scenario)
    ?.groups.find(({ name }) => name === group)
    ?.results.find((result) => result.subject === subject);
}
