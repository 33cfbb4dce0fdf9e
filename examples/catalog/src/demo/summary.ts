import type { RecordableHistogram } from 'node:perf_hooks';
import { STALENESS_BOUND_MS } from '../cache.ts';
import { type InstanceMeasurements, type Measurements, MICROSECONDS_PER_MS } from './measurements.ts';
import type { ShownTraces } from './tour.ts';

/** How a number without the cache was measured, for the reader of the output. */
const METHOD =
  'in one run, a random part of the requests carried "x-cache: bypass" and went straight to the database of the same instance';

export interface ResponseTimes {
  readonly requests: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Part of the cache's reads that a layer answered, 0 to 1. */
interface HitRatios {
  readonly overall: number;
  readonly memory: number;
  /** The shared layer: Redis, or the in-process hub. */
  readonly shared: number;
}

export interface InstanceSummary {
  readonly name: string;
  readonly responseTimes: ResponseTimes;
  readonly hitRatio: HitRatios;
  readonly databaseQueries: QueryCounts;
  readonly invalidations: { readonly sent: number; readonly received: number };
  readonly staleAnswers: number;
  readonly oldestStaleMs: number;
}

/** Statements run by the requests that went through the cache, and what the same requests would cost without it. */
interface QueryCounts {
  readonly withCache: number;
  readonly withoutCache: number;
  readonly saved: number;
}

/** What a run comes to, so far or at its end. */
export interface Summary {
  readonly seconds: number;
  readonly method: string;
  readonly requests: {
    readonly total: number;
    readonly cached: number;
    readonly bypassed: number;
    readonly failed: number;
    readonly perSecond: number;
  };
  readonly hitRatio: HitRatios;
  readonly responseTimes: {
    readonly withCache: ResponseTimes;
    readonly withoutCache: ResponseTimes;
    /** How much lower the mean is with the cache, 0 to 1. */
    readonly meanReduction: number;
  };
  readonly databaseQueries: QueryCounts & { readonly reduction: number };
  readonly changes: { readonly product: number; readonly category: number; readonly undelivered: number };
  readonly invalidations: { readonly sent: number; readonly received: number };
  readonly staleness: { readonly staleAnswers: number; readonly oldestMs: number; readonly boundMs: number };
  readonly instances: readonly InstanceSummary[];
  /** With `--traces`, where to look at some. */
  readonly traces?: ShownTraces;
}

/** Adds up what was measured in `seconds`. */
export function summarise(measurements: Measurements, seconds: number): Summary {
  const instances = measurements.instances.map((instance) => summariseInstance(measurements, instance));
  const cached = measurements.cached.count;
  const bypassed = measurements.bypass.count;
  const { failed } = measurements;
  const withCache = responseTimes(measurements.cached);
  const withoutCache = responseTimes(measurements.bypass);
  const queries = addQueries(instances.map((instance) => instance.databaseQueries));
  return {
    seconds: rounded(seconds, 1),
    method: METHOD,
    requests: {
      total: cached + bypassed + failed,
      cached,
      bypassed,
      failed,
      perSecond: seconds === 0 ? 0 : Math.round((cached + bypassed) / seconds),
    },
    hitRatio: hitRatios(measurements.instances),
    responseTimes: { withCache, withoutCache, meanReduction: reduction(withCache.meanMs, withoutCache.meanMs) },
    databaseQueries: { ...queries, reduction: reduction(queries.withCache, queries.withoutCache) },
    changes: { ...measurements.changes },
    invalidations: {
      sent: sum(instances.map((instance) => instance.invalidations.sent)),
      received: sum(instances.map((instance) => instance.invalidations.received)),
    },
    staleness: {
      staleAnswers: sum(instances.map((instance) => instance.staleAnswers)),
      oldestMs: Math.max(...instances.map((instance) => instance.oldestStaleMs)),
      boundMs: STALENESS_BOUND_MS,
    },
    instances,
  };
}

function summariseInstance(measurements: Measurements, instance: InstanceMeasurements): InstanceSummary {
  const { stats } = instance;
  const withCache = stats?.queries ?? 0;
  const withoutCache = Math.round(measurements.queriesWithoutCache(instance));
  return {
    name: instance.name,
    responseTimes: responseTimes(instance.cached),
    hitRatio: hitRatios([instance]),
    databaseQueries: { withCache, withoutCache, saved: withoutCache - withCache },
    invalidations: {
      sent: stats?.cache.invalidations.sent ?? 0,
      received: stats?.cache.invalidations.received ?? 0,
    },
    staleAnswers: instance.staleAnswers,
    oldestStaleMs: rounded(instance.oldestStaleMs, 2),
  };
}

function hitRatios(instances: readonly InstanceMeasurements[]): HitRatios {
  let memory = 0;
  let shared = 0;
  let reads = 0;
  for (const { stats } of instances) {
    if (stats === undefined) continue;
    memory += stats.cache.memory.hits;
    shared += stats.cache.remote.hits;
    reads += stats.cache.memory.hits + stats.cache.memory.misses;
  }
  const part = (hits: number): number => (reads === 0 ? 0 : rounded(hits / reads, 4));
  return { overall: part(memory + shared), memory: part(memory), shared: part(shared) };
}

function responseTimes(histogram: RecordableHistogram): ResponseTimes {
  const { count } = histogram;
  const ms = (microseconds: number): number => (count === 0 ? 0 : rounded(microseconds / MICROSECONDS_PER_MS, 3));
  return {
    requests: count,
    meanMs: ms(histogram.mean),
    p50Ms: ms(histogram.percentile(50)),
    p99Ms: ms(histogram.percentile(99)),
  };
}

function addQueries(counts: readonly QueryCounts[]): QueryCounts {
  return {
    withCache: sum(counts.map(({ withCache }) => withCache)),
    withoutCache: sum(counts.map(({ withoutCache }) => withoutCache)),
    saved: sum(counts.map(({ saved }) => saved)),
  };
}

/** How much smaller `smaller` is, as a part of `larger`. */
function reduction(smaller: number, larger: number): number {
  return larger === 0 ? 0 : rounded(1 - smaller / larger, 4);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
