import type { HistoryVerdict, Violation } from '../history/check-history.ts';
import type { Percentiles } from '../history/percentiles.ts';
import type { Counters, StoreName } from './contract.ts';
import type { FaultName } from './faults.ts';
import type { Propagation } from './propagation.ts';

/** A fault as it was done, or tried; times in ms since the load began. */
export interface FaultRecord {
  readonly fault: FaultName;
  readonly isDone: boolean;
  readonly fromMs: number;
  readonly toMs: number;
  readonly detail: string;
}

/** A stale read for the plot: when, how stale (both ms), by which instance. */
export type PlotPoint = readonly [atMs: number, stalenessMs: number, instance: string];

/** What one run found. */
export interface RunReport {
  readonly name: string;
  readonly faults: readonly FaultName[];
  /** Where entries were stored; Redis was the authority in any case. */
  readonly store: StoreName;
  /** Whether every promise was kept, and the run was one that could have shown otherwise. */
  readonly ok: boolean;
  readonly startedAt: string;
  readonly seed: number;
  readonly instances: number;
  /** Of the cache on a cluster; absent for one server. */
  readonly partitions: number | undefined;
  readonly keys: number;
  readonly leaseMs: number;
  readonly loadMs: number;
  readonly counters: Counters;
  readonly sets: number;
  readonly invalidations: number;
  /** Writes that were reported as not delivered, and journaled. */
  readonly undelivered: number;
  /** Of reads that returned a value from before a delivered invalidation, in ms since its delivery. */
  readonly staleness: Percentiles;
  readonly violations: HistoryVerdict['violations'];
  readonly stuckKeys: readonly string[];
  readonly crashes: readonly string[];
  /** Why the run shows nothing, whatever it found: in words, for people. */
  readonly omissions: readonly string[];
  /** Why reads failed or hung, and what went wrong with the run itself; examples. */
  readonly complaints: readonly string[];
  readonly propagation: Propagation;
  readonly faultsDone: readonly FaultRecord[];
  readonly plot: readonly PlotPoint[];
  readonly examples: readonly Violation[];
}

/** What people call the layer that held the entries. */
export function layerTitle(store: StoreName): string {
  return store === 'redis' ? 'Redis' : 'Memcached';
}

export function violationCount({ violations }: Pick<RunReport, 'violations'>): number {
  return Object.values(violations).reduce((sum, count) => sum + count, 0);
}

/** The number of everything that must not happen. */
export function breaches(
  report: Pick<RunReport, 'violations' | 'stuckKeys' | 'crashes'> & { counters: Pick<Counters, 'hung' | 'failed'> },
): number {
  const { hung, failed } = report.counters;
  return violationCount(report) + report.stuckKeys.length + hung + failed + report.crashes.length;
}

/**
 * What a run left out that it was to do: without it, that nothing went wrong means nothing.
 *
 * A run about Memcached that found nothing there shows nothing about it. A fault asked for among others may find no time in
 * a short run. One that fails as often as it is done is not what the run was under, and neither is a run under faults
 * without any.
 */
export function omissions(report: {
  readonly faults: readonly FaultName[];
  readonly faultsDone: readonly Pick<FaultRecord, 'fault' | 'isDone'>[];
  readonly counters: Pick<Counters, 'reads' | 'sharedHits'>;
  readonly store: StoreName;
}): string[] {
  const { faults, faultsDone, counters, store } = report;
  const found: string[] = [];
  if (counters.reads === 0) found.push('nothing was read');
  else if (store === 'memcached' && counters.sharedHits === 0) found.push('not one read was answered from Memcached');
  if (faults.length > 0 && !faultsDone.some(({ isDone }) => isDone)) {
    return [...found, `no fault was done of those asked for: ${faults.join(', ')}`];
  }
  for (const fault of faults) {
    const tries = faultsDone.filter((each) => each.fault === fault);
    const failed = tries.filter(({ isDone }) => !isDone).length;
    if (failed > 0 && 2 * failed >= tries.length) {
      found.push(`the fault ${fault} could not be done ${failed} of ${tries.length} times`);
    }
  }
  return found;
}

const MAX_POINTS = 4_000;

/** The stale reads to be plotted: the stalest, and evenly chosen others. */
export function plotPoints(verdict: HistoryVerdict, originMs: number): PlotPoint[] {
  const stale = [...verdict.staleReads].sort((one, other) => other.stalenessMs - one.stalenessMs);
  const stalest = stale.slice(0, MAX_POINTS / 2);
  const others = stale.slice(MAX_POINTS / 2);
  const step = Math.max(1, Math.ceil(others.length / (MAX_POINTS / 2)));
  return [...stalest, ...others.filter((_, index) => index % step === 0)].map(({ read, stalenessMs }) => [
    Math.round(read.beganMs - originMs),
    Math.round(stalenessMs * 10) / 10,
    read.instance,
  ]);
}
