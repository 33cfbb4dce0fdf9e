import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { AppStats } from '../app.ts';
import { ROUTES, type Route } from './workload.ts';

/** Response times in the unit of the histogram, whole microseconds. */
export const MICROSECONDS_PER_MS = 1000;

/** What was seen of one instance. */
export interface InstanceMeasurements {
  readonly name: string;
  /** Response times of the requests that went through the cache, microseconds. */
  readonly cached: RecordableHistogram;
  readonly cachedByRoute: Record<Route, number>;
  bypassed: number;
  staleAnswers: number;
  oldestStaleMs: number;
  /** The last answer to `GET /stats`. */
  stats: AppStats | undefined;
}

/** Everything the load generator has seen so far. */
export class Measurements {
  readonly instances: readonly InstanceMeasurements[];
  /** Response times of all requests through the cache, microseconds. */
  readonly cached: RecordableHistogram = createHistogram();
  /** Response times of the requests that bypassed the cache, microseconds. */
  readonly bypass: RecordableHistogram = createHistogram();
  readonly bypassByRoute = perRoute(() => ({ requests: 0, queries: 0 }));
  readonly changes = { product: 0, category: 0, undelivered: 0 };
  failed = 0;
  /** What went wrong first. */
  firstFailure: string | undefined;

  constructor(names: readonly string[]) {
    this.instances = names.map((name) => ({
      name,
      cached: createHistogram(),
      cachedByRoute: perRoute(() => 0),
      bypassed: 0,
      staleAnswers: 0,
      oldestStaleMs: 0,
      stats: undefined,
    }));
  }

  recordCached(instance: InstanceMeasurements, route: Route, tookMs: number, staleMs: number | undefined): void {
    const took = microseconds(tookMs);
    this.cached.record(took);
    instance.cached.record(took);
    instance.cachedByRoute[route] += 1;
    if (staleMs === undefined) return;
    instance.staleAnswers += 1;
    instance.oldestStaleMs = Math.max(instance.oldestStaleMs, staleMs);
  }

  recordBypass(instance: InstanceMeasurements, route: Route, tookMs: number, queries: number): void {
    this.bypass.record(microseconds(tookMs));
    instance.bypassed += 1;
    this.bypassByRoute[route].requests += 1;
    this.bypassByRoute[route].queries += queries;
  }

  recordFailure(what: string): void {
    this.failed += 1;
    this.firstFailure ??= what;
  }

  /**
   * Database queries that the instance's cached requests would have cost without the cache: for each route, as many as
   * the bypassed requests of that route took on average.
   */
  queriesWithoutCache(instance: InstanceMeasurements): number {
    return ROUTES.reduce((sum, route) => {
      const { requests, queries } = this.bypassByRoute[route];
      return requests === 0 ? sum : sum + (instance.cachedByRoute[route] * queries) / requests;
    }, 0);
  }
}

function perRoute<Value>(create: () => Value): Record<Route, Value> {
  return Object.fromEntries(ROUTES.map((route) => [route, create()])) as Record<Route, Value>;
}

function microseconds(ms: number): number {
  return Math.max(1, Math.round(ms * MICROSECONDS_PER_MS));
}
