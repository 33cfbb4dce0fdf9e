import { Faults } from './faults.ts';
import type { Instance } from './instance.ts';
import type { Violation } from './oracle.ts';
import type { Plan } from './plan.ts';
import { withRandom } from './random.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

/** What became of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly virtualMs: number;
  readonly events: number;
  readonly answers: number;
  /** Longest call as a share of the limit. */
  readonly longestCall: number;
  readonly digest: () => string;
  /** The plan, the violation and the part of the history it is about. */
  readonly report: () => string;
}

/** Time that connections and journals are given after everything is healed; reconnecting waits up to 2.5 s. */
const RECOVERY_MS = 20_000;

const RECONNECT_MS = 1_000;

/** Runs one world from its seed to its end: calls and faults, then healing, then everybody must agree. */
export async function simulate(seed: number, change?: (plan: Plan) => Plan): Promise<Outcome> {
  const world = new World(seed, change);
  const onUnhandled = (reason: unknown): void => world.oracle.report('G4', `unhandled rejection: ${String(reason)}`);
  process.on('unhandledRejection', onUnhandled);
  try {
    await withRandom(world.random, () => live(world));
  } finally {
    process.off('unhandledRejection', onUnhandled);
    for (const { machine } of world.instances) machine.kill();
  }
  const { oracle, scheduler, history, plan } = world;
  return {
    seed,
    violations: oracle.violations,
    virtualMs: scheduler.nowMs,
    events: world.events,
    answers: oracle.answers,
    longestCall: world.longestCallMs / plan.callLimitMs,
    digest: () => history.digest(),
    report: () => report(seed, world),
  };
}

async function live(world: World): Promise<void> {
  const { plan, scheduler } = world;
  const workload = new Workload(world);
  const faults = new Faults(world);
  await world.run(plan.durationMs);
  workload.stop();
  faults.heal();
  const isQuiet = (): boolean =>
    world.instances.every(({ cache, openCalls }) => isCoherent(cache.health()) && openCalls === 0);
  const untilMs = scheduler.nowMs + RECOVERY_MS + 2 * plan.callLimitMs;
  if (!(await world.run(untilMs, isQuiet))) return complain(world);
  await converge(world, workload);
}

function isCoherent({ state, journaled }: { state: string; journaled: number }): boolean {
  return state === 'coherent' && journaled === 0;
}

function complain({ isBroken, instances, oracle }: World): void {
  if (isBroken) return;
  for (const instance of instances) {
    instance.checkSettled();
    const { state, journaled } = instance.cache.health();
    if (state !== 'coherent' || journaled > 0) {
      oracle.report('G6', `i${instance.index} is ${state} with ${journaled} journaled, long after everything healed`);
    }
  }
}

/** Every write is followed by a delivered invalidation; Δ later all instances must answer alike, and from their layers. */
async function converge(world: World, workload: Workload): Promise<void> {
  const { plan, scheduler, oracle, instances } = world;
  await commitEverything(world, workload);
  for (const round of [1, 2, 3]) {
    const loads = instances.map(({ cache }) => cache.stats().loads.started);
    for (const instance of instances) {
      for (const key of plan.keys) await readNewest(world, workload, instance, key);
    }
    // The first round found the dead connections; given a moment for new ones, the layers have to work again.
    if (round === 1) {
      await world.run(scheduler.nowMs + 2 * plan.commandTimeoutMs + RECONNECT_MS);
      // What was loaded over a dead connection is in memory alone, which may be too small for all keys.
      await commitEverything(world, workload);
    }
    // A layer that is left alone finds out only when it is tried again.
    if (round === 2 && plan.store !== 'redis') await world.run(scheduler.nowMs + plan.commandTimeoutMs + RECONNECT_MS);
    if (round < 3 || world.isBroken) continue;
    for (const [index, { cache }] of instances.entries()) {
      const more = cache.stats().loads.started - (loads[index] ?? 0);
      if (more > 0) oracle.report('G6', `i${index} loads again what is in the shared layer`);
    }
  }
  for (const { index, cache } of instances) {
    const { running } = cache.stats().loads;
    if (running > 0 && !world.isBroken) oracle.report('G7', `i${index} counts ${running} loads when idle`);
  }
}

async function commitEverything(world: World, workload: Workload): Promise<void> {
  const { plan, database, scheduler, oracle, instances } = world;
  const first = instances[0] as Instance;
  for (const key of plan.keys) database.commit(key);
  let isResolved = false;
  first.machine.run(() =>
    workload.writes.delete(first, plan.keys, () => {
      isResolved = true;
    }),
  );
  // Its connection may have died without a word, which the first command finds out: then the journal delivers it.
  const isDelivered = (): boolean => isResolved && first.cache.health().journaled === 0;
  if (!(await world.run(scheduler.nowMs + RECOVERY_MS + plan.callLimitMs, isDelivered)) && !world.isBroken) {
    oracle.report('G6', 'a delete in a healthy world was not delivered', ['i0']);
  }
  await world.run(scheduler.nowMs + plan.leaseMs + 1);
}

async function readNewest(world: World, workload: Workload, instance: Instance, key: string): Promise<void> {
  const { scheduler, database, oracle, plan } = world;
  if (world.isBroken) return;
  let version: number | undefined;
  const began = scheduler.nowMs;
  const read = (): void =>
    workload.reads.load(instance, key, 'sure', (value) => {
      version = value.version;
    });
  instance.machine.run(read);
  await world.run(began + plan.callLimitMs, () => version !== undefined);
  const newest = database.version(key);
  if (!world.isBroken && version !== newest) {
    oracle.report('G6', `i${instance.index} answers ${key} with v${version}, the source has v${newest}`, [
      key,
      `i${instance.index}`,
    ]);
  }
}

function report(seed: number, world: World): string {
  const { plan, oracle, history } = world;
  const [violation] = oracle.violations;
  if (violation === undefined) return `seed ${seed}: no violation`;
  const { rule, atMs, text, words } = violation;
  return [
    `seed ${seed}: ${rule} broken at ${atMs.toFixed(3)} ms: ${text}`,
    `plan ${JSON.stringify(plan)}`,
    history.slice(atMs - 6 * plan.leaseMs, words, 120),
    `replay: SEED=${seed} npx vitest run packages/testing/test/simulation.sim.test.ts`,
  ].join('\n');
}
