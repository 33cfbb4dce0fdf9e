import type { SeededRandom } from '../random.ts';

/** Every kind of fault the world knows. */
export const FAULTS = [
  'cut',
  'half-open',
  'deaf',
  'hold',
  'slow-network',
  'pause',
  'hiccup',
  'sleep',
  'step-wall',
  'crash-instance',
  'close-instance',
  'server-restart-empty',
  'server-restart-older',
  'server-restart-clean',
  'failover',
  'demotion',
  'server-stall',
  'new-replid',
  'flush-all',
  'evict-state',
  'evict-log',
  'evict-members',
  'evict-entry',
  'trim-log',
  'kill-bus',
  'flush-scripts',
] as const;

/** Faults of a layer without scripts, in worlds that have one. */
export const PLAIN_FAULTS = [
  'plain-restart-empty',
  'plain-restart-older',
  'plain-evict',
  'plain-stall',
  'plain-lost',
  'plain-hold',
] as const;

export type FaultKind = (typeof FAULTS)[number] | (typeof PLAIN_FAULTS)[number] | 'forged-message';

/** The shared layers of a world: Redis, or a layer without scripts beside it, in its place, or before it. */
export type StoreKind = 'redis' | 'plain' | 'plain-redis' | 'redis-plain';

/** The parameters of one simulated world, all drawn from its seed. */
export interface Plan {
  readonly leaseMs: number;
  readonly commandTimeoutMs: number;
  readonly instances: number;
  readonly store: StoreKind;
  readonly keys: readonly string[];
  /** Those of them that are set with versions. */
  readonly ranked: readonly string[];
  readonly tags: readonly string[];
  readonly prefixes: readonly string[];
  readonly durationMs: number;
  /** Mean time between two calls of one instance. */
  readonly callEveryMs: number;
  /** Share of calls that write or invalidate. */
  readonly writes: number;
  readonly shortLoadMs: number;
  readonly longLoadMs: number;
  readonly longLoads: number;
  readonly maxEntries: number;
  readonly maxJournal: number;
  readonly loadTimeoutMs: number;
  /** Longest time a call may take while its process runs. */
  readonly callLimitMs: number;
  readonly latencyMs: number;
  readonly spikes: number;
  readonly spikeMs: number;
  readonly lateAfterReset: number;
  readonly bus: { drop: number; duplicate: number; reorder: number; reorderMs: number };
  readonly logEvents: number;
  readonly maxVersions: number;
  readonly tailEvents: number;
  readonly faults: readonly FaultKind[];
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
}

const KEYS = ['a:1', 'a:2', 'b:1:x', 'b:1:y', 'b:2', 'c', 'd:1', 'e'];

/** Draws a world. Not every world has every fault: a few at a time find more than all at once ("swarm testing"). */
export function drawPlan(random: SeededRandom): Plan {
  const leaseMs = random.pick([100, 200, 500, 1_000, 2_000]);
  const odds = random.pick([0.1, 0.25, 0.5]);
  const faults = FAULTS.filter(() => random.chance(odds));
  const commandTimeoutMs = Math.max(20, Math.round(leaseMs * random.between(0.3, 1.5)));
  const keys = KEYS.slice(0, 3 + random.below(6));
  const longLoadMs = leaseMs * random.between(0.5, 4);
  const plan = {
    leaseMs,
    commandTimeoutMs,
    store: 'redis' as const,
    maxJournal: random.pick([16, 1_000]),
    loadTimeoutMs: Math.round(leaseMs * random.pick([2, 10, 10])),
    callLimitMs: 12 * commandTimeoutMs + 4 * longLoadMs + 3 * leaseMs,
    instances: 2 + random.below(4),
    keys,
    ranked: keys.filter(() => random.chance(0.3)),
    tags: ['t0', 't1', 't2', 'x0', 'x1'],
    prefixes: ['a:', 'b:', 'b:1:'],
    durationMs: leaseMs * random.between(8, 14),
    callEveryMs: leaseMs * random.between(0.05, 0.25),
    writes: random.pick([0.1, 0.25, 0.5]),
    shortLoadMs: leaseMs * random.pick([0.002, 0.02, 0.2]),
    longLoadMs,
    longLoads: random.pick([0, 0.1, 0.4]),
    maxEntries: random.pick([1, 3, 100, 100]),
    latencyMs: leaseMs * random.pick([0.0005, 0.002, 0.01, 0.05]),
    spikes: random.pick([0, 0, 0.01, 0.05]),
    spikeMs: leaseMs * random.between(0.2, 1.5),
    lateAfterReset: random.pick([0, 0.5]),
    bus: {
      drop: random.pick([0, 0, 0.05, 0.3, 1]),
      duplicate: random.pick([0, 0, 0.2]),
      reorder: random.pick([0, 0, 0.2]),
      reorderMs: leaseMs * random.between(0.01, 1.5),
    },
    logEvents: random.pick([2, 5, 50]),
    maxVersions: random.pick([2, 4, 100]),
    tailEvents: random.pick([1, 3, 1_000, 1_000]),
    faults,
    faultEveryMs: leaseMs * random.between(0.4, 3),
  };
  // What came to be later is drawn later, so that worlds without it are what their seeds made of them before.
  const whole = random.chance(0.4) ? withPlainLayer(plan, odds, random) : plan;
  return random.chance(odds) ? { ...whole, faults: [...whole.faults, 'forged-message'] } : whole;
}

function withPlainLayer(plan: Plan, odds: number, random: SeededRandom): Plan {
  const store = random.pick<StoreKind>(['plain', 'plain', 'plain-redis', 'redis-plain']);
  return {
    ...plan,
    store,
    // Which of two versions is higher, only a layer that compares can say.
    ranked: store === 'plain' ? [] : plan.ranked,
    faults: [...plan.faults, ...PLAIN_FAULTS.filter(() => random.chance(odds))],
  };
}
