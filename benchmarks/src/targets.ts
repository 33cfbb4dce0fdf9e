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
  /** A subject that does only what cannot be left out, measured beside the same one. */
  readonly leastWork?: { readonly kind: LeastWork; readonly measure: Target['measure'] };
}

/** What remains of an operation without a cache around it. */
export interface LeastWork {
  readonly what: string;
  /** What it is the least work of: it says nothing of what does the same in another way. */
  readonly holdsFor: string;
}

export interface TargetOutcome {
  readonly target: Target;
  /** `undefined` where the run had not all it takes. */
  readonly measured: number | undefined;
  /** What the least work comes to beside the same subject; `undefined` where none was measured. */
  readonly leastWork: number | undefined;
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

const JUDGED_MAP: LeastWork = {
  what: 'a judged `Map`',
  holdsFor:
    'a hit that keeps the promise: one look-up, one reading of the clock, the comparisons with lifetime, proof and invalidations; awaited, a promise that was kept. A cache whose clock is a number that a timer sets, that reads none, or that promises less, can be quicker.',
};
function judgedMapBeside(group: string, subject: string): NonNullable<Target['leastWork']> {
  return { kind: JUDGED_MAP, measure: rateBeside('l1', group, subject, 'judged Map') };
}
const ONE_MGET: LeastWork = {
  what: '`MGET`, decoded and frozen',
  holdsFor:
    'an answer from Redis with this codec and this isolation, through ioredis. Another codec, or values that are not frozen, cost something else.',
};
const ONE_SCRIPT: LeastWork = {
  what: '`SET` in one script',
  holdsFor:
    'storing what was set in a tick in one step, with this codec and this isolation, through ioredis. Commands that need not be one step cost something else.',
};

export const TARGETS: readonly Target[] = [
  {
    what: '`peek`, a synchronous hit in memory',
    beside: "layered-loader's `getInMemoryOnly`",
    unit: 'times',
    atLeast: 1.2,
    measure: rateBeside('l1', SYNC, 'layered-loader'),
    leastWork: judgedMapBeside(SYNC, 'layered-loader'),
  },
  {
    what: '`peek`, a synchronous hit in memory',
    beside: 'bare `LRUCache.get` with a lifetime',
    unit: 'times',
    atLeast: 0.6,
    measure: rateBeside('l1', SYNC, 'lru-cache'),
    leastWork: judgedMapBeside(SYNC, 'lru-cache'),
  },
  {
    what: 'awaited `get`, a hit in memory',
    beside: "layered-loader's `get`",
    unit: 'times',
    atLeast: 1.3,
    measure: rateBeside('l1', AWAITED, 'layered-loader'),
    leastWork: judgedMapBeside(AWAITED, 'layered-loader'),
  },
  {
    what: 'awaited `get`, a hit in memory',
    beside: "bentocache's `get`",
    unit: 'times',
    atLeast: 15,
    measure: rateBeside('l1', AWAITED, 'bentocache'),
    leastWork: judgedMapBeside(AWAITED, 'bentocache'),
  },
  {
    what: 'awaited `get`, a hit in memory',
    beside: 'an async function around bare `LRUCache.get`',
    unit: 'times',
    atLeast: 1,
    measure: rateBeside('l1', AWAITED, 'lru-cache'),
    leastWork: judgedMapBeside(AWAITED, 'lru-cache'),
  },
  {
    what: 'awaited `getOrSet`, a hit in memory',
    beside: "layered-loader's `get`",
    unit: 'times',
    atLeast: 1.2,
    measure: rateBeside('l1', LOADING, 'layered-loader'),
    leastWork: judgedMapBeside(LOADING, 'layered-loader'),
  },
  {
    what: '`get` from Redis, 50 at once',
    beside: "bare ioredis' pipelined `GET`",
    unit: 'times',
    atLeast: 2,
    measure: rateBeside('l2', '50 at once', 'ioredis'),
    leastWork: { kind: ONE_MGET, measure: rateBeside('l2', '50 at once', 'ioredis', 'MGET a tick') },
  },
  {
    what: '`getMany` of 100 from Redis',
    beside: "bare ioredis' `MGET`, decoded",
    unit: 'times',
    atLeast: 0.9,
    measure: rateBeside('get-many', '100 keys', 'ioredis'),
    leastWork: {
      kind: ONE_MGET,
      measure: rateBeside('get-many', '100 keys', 'ioredis', 'MGET a tick'),
    },
  },
  {
    what: '`set`, both layers with coherence, 50 at once',
    beside: "bare ioredis' pipelined `SET`",
    unit: 'times',
    atLeast: 0.6,
    measure: rateBeside('set', '50 at once', 'ioredis'),
    leastWork: { kind: ONE_SCRIPT, measure: rateBeside('set', '50 at once', 'ioredis', 'script a tick') },
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
    return {
      target,
      measured,
      leastWork: target.leastWork?.measure(scenarios),
      isMet: measured === undefined ? undefined : measured >= atLeast && measured <= atMost,
    };
  });
}
