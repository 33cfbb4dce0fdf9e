import { median, resultOf, type ScenarioResult } from './result.ts';

/** Something tierwise wants to reach, and how a run tells whether it did. */
export interface Target {
  readonly what: string;
  readonly beside: string;
  /** `times` is a ratio of rates, so more is better; in the others less is. */
  readonly unit: 'times' | 'bytes' | 'ms' | '%';
  readonly atLeast?: number;
  readonly atMost?: number;
  measure(scenarios: readonly ScenarioResult[]): number | undefined;
  /** What stands in the way: a subject that does the least that has to be done, measured beside the same one. */
  readonly floor?: { readonly what: string; readonly measure: Target['measure'] };
}

export interface TargetOutcome {
  readonly target: Target;
  /** `undefined` where the run had not all it takes. */
  readonly measured: number | undefined;
  /** What the floor comes to beside the same subject; `undefined` where none was measured. */
  readonly floor: number | undefined;
  readonly isMet: boolean | undefined;
}

/** tierwise's rate over another subject's, in one group. */
function rateBeside(scenario: string, group: string, subject: string, ownName = 'tierwise'): Target['measure'] {
  return (scenarios) => {
    const [own, other] = [ownName, subject].map((name) => resultOf(scenarios, scenario, group, name)?.samples);
    return own === undefined || other === undefined ? undefined : pairedRatio(own, other);
  };
}

/** The median of the rounds' ratios: both were measured in each round, so what slowed a round down slowed both. */
export function pairedRatio(own: readonly number[], other: readonly number[]): number {
  return median(own.map((sample, round) => sample / (other[round] as number)));
}

function difference(scenario: string, group: string, subject: string): Target['measure'] {
  return (scenarios) => {
    const [own, other] = ['tierwise', subject].map((name) => resultOf(scenarios, scenario, group, name)?.median);
    return own === undefined || other === undefined ? undefined : own - other;
  };
}

function own(scenario: string, group: string): Target['measure'] {
  return (scenarios) => resultOf(scenarios, scenario, group, 'tierwise')?.median;
}

/** By how many percent a figure is below that of having no cache. */
function savedPercent(group: string): Target['measure'] {
  return (scenarios) => {
    const [cached, bare] = ['tierwise', 'no cache'].map((name) => resultOf(scenarios, 'workload', group, name)?.median);
    return cached === undefined || bare === undefined ? undefined : 100 * (1 - cached / bare);
  };
}

/** A figure of ours in proportion to another one where less is better, so that above 1 is better here, too. */
function quickerThan(scenario: string, group: string, subject: string): Target['measure'] {
  return (scenarios) => {
    const [mine, other] = ['tierwise', subject].map((name) => resultOf(scenarios, scenario, group, name)?.median);
    return mine === undefined || other === undefined ? undefined : other / mine;
  };
}

const SYNC = 'sync, uniform';
const AWAITED = 'awaited, uniform';
const LOADING = 'getOrSet, uniform';

export const TARGETS: readonly Target[] = [
  {
    what: '`peek`, a synchronous hit in memory',
    beside: "layered-loader's `getInMemoryOnly`",
    unit: 'times',
    atLeast: 1.2,
    measure: rateBeside('l1', SYNC, 'layered-loader'),
    floor: { what: 'a `Map` and the clock', measure: rateBeside('l1', SYNC, 'layered-loader', 'Map and clock') },
  },
  {
    what: '`peek`, a synchronous hit in memory',
    beside: 'bare `LRUCache.get` with a lifetime',
    unit: 'times',
    atLeast: 0.6,
    measure: rateBeside('l1', SYNC, 'lru-cache'),
    floor: { what: 'a `Map` and the clock', measure: rateBeside('l1', SYNC, 'lru-cache', 'Map and clock') },
  },
  {
    what: 'awaited `get`, a hit in memory',
    beside: "layered-loader's `get`",
    unit: 'times',
    atLeast: 1.3,
    measure: rateBeside('l1', AWAITED, 'layered-loader'),
    floor: { what: 'a `Map` and the clock', measure: rateBeside('l1', AWAITED, 'layered-loader', 'Map and clock') },
  },
  {
    what: 'awaited `get`, a hit in memory',
    beside: "bentocache's `get`",
    unit: 'times',
    atLeast: 15,
    measure: rateBeside('l1', AWAITED, 'bentocache'),
  },
  {
    what: 'awaited `get`, a hit in memory',
    beside: 'an async function around bare `LRUCache.get`',
    unit: 'times',
    atLeast: 1,
    measure: rateBeside('l1', AWAITED, 'lru-cache'),
    floor: { what: 'a `Map` and the clock', measure: rateBeside('l1', AWAITED, 'lru-cache', 'Map and clock') },
  },
  {
    what: 'awaited `getOrSet`, a hit in memory',
    beside: "layered-loader's `get`",
    unit: 'times',
    atLeast: 1.2,
    measure: rateBeside('l1', LOADING, 'layered-loader'),
    floor: { what: 'a `Map` and the clock', measure: rateBeside('l1', LOADING, 'layered-loader', 'Map and clock') },
  },
  {
    what: '`get` from Redis, 50 at once',
    beside: "bare ioredis' pipelined `GET`",
    unit: 'times',
    atLeast: 2,
    measure: rateBeside('l2', '50 at once', 'ioredis'),
    floor: { what: '`MGET`, decoded and frozen', measure: rateBeside('l2', '50 at once', 'ioredis', 'MGET a tick') },
  },
  {
    what: '`getMany` of 100 from Redis',
    beside: "bare ioredis' `MGET`, decoded",
    unit: 'times',
    atLeast: 0.9,
    measure: rateBeside('get-many', '100 keys', 'ioredis'),
    floor: {
      what: '`MGET`, decoded and frozen',
      measure: rateBeside('get-many', '100 keys', 'ioredis', 'MGET a tick'),
    },
  },
  {
    what: '`set`, both layers with coherence, 50 at once',
    beside: "bare ioredis' pipelined `SET`",
    unit: 'times',
    atLeast: 0.6,
    measure: rateBeside('set', '50 at once', 'ioredis'),
    floor: { what: '`SET` in one script', measure: rateBeside('set', '50 at once', 'ioredis', 'script a tick') },
  },
  {
    what: '`delete` with fence, log and message, 50 at once',
    beside: "bare ioredis' pipelined `DEL` and `PUBLISH`",
    unit: 'times',
    atLeast: 0.7,
    measure: rateBeside('delete', '50 at once', 'ioredis'),
  },
  {
    what: 'heap of an entry in memory, above bare lru-cache',
    beside: '',
    unit: 'bytes',
    atMost: 100,
    measure: difference('heap', 'an entry', 'lru-cache'),
  },
  {
    what: 'invalidation heard by 8 processes, 99th percentile',
    beside: '',
    unit: 'ms',
    atMost: 10,
    measure: own('invalidation', 'p99, 8 processes'),
  },
  {
    what: 'invalidation heard by 8 processes, 99th percentile',
    beside: "bentocache's bus",
    unit: 'times',
    atLeast: 1,
    measure: quickerThan('invalidation', 'p99, 8 processes', 'bentocache'),
  },
  {
    what: 'invalidation heard by 8 processes, median',
    beside: "bentocache's bus",
    unit: 'times',
    atLeast: 1,
    measure: quickerThan('invalidation', 'median, 8 processes', 'bentocache'),
  },
  {
    what: '`getOrSet`, a hit in memory, with telemetry on and no SDK',
    beside: 'the same with telemetry off',
    unit: 'times',
    atLeast: 0.95,
    measure: rateBeside('telemetry', 'awaited getOrSet', 'telemetry off', 'on, no SDK'),
  },
  {
    what: 'hit ratio of the skewed workload',
    beside: '',
    unit: '%',
    atLeast: 90,
    measure: own('workload', 'hit ratio'),
  },
  {
    what: 'response time saved in the skewed workload, mean',
    beside: 'no cache',
    unit: '%',
    atLeast: 30,
    measure: savedPercent('response time, mean'),
  },
  {
    what: 'database queries saved in the skewed workload',
    beside: 'no cache',
    unit: '%',
    atLeast: 40,
    measure: savedPercent('database queries'),
  },
];

export function judge(scenarios: readonly ScenarioResult[]): TargetOutcome[] {
  return TARGETS.map((target) => {
    const measured = target.measure(scenarios);
    const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target;
    const floor = target.floor?.measure(scenarios);
    return {
      target,
      measured,
      floor,
      isMet: measured === undefined ? undefined : measured >= atLeast && measured <= atMost,
    };
  });
}
