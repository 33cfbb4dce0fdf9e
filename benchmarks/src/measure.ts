import { setTimeout } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import type { KeySequence } from './key-sequence.ts';
import { compileLoop, type Loop, type Operation, type Pace } from './loops.ts';
import { type Group, toResult, type Unit } from './result.ts';

/** One subject's part in a group: what it is to do over and over. */
export interface Contestant {
  readonly subject: string;
  readonly operation: Operation;
  /** Runs a whole turn inside something, such as a request. Default: as it is. */
  readonly around?: (turn: () => unknown) => Promise<unknown>;
}

export interface GroupPlan {
  readonly name: string;
  readonly pace: Pace;
  readonly keys: KeySequence;
  readonly contestants: readonly Contestant[];
  /** Operations a second, or nanoseconds for one of them. Default: `ops/s`. */
  readonly unit?: 'ops/s' | 'ns';
  /** Whether the last call of every round must have brought a value. Default: no. */
  readonly isAnswered?: boolean;
}

const FIRST_OPERATIONS = 100;
const collectYoung = globalThis.gc as ((options: { type: 'minor' }) => void) | undefined;

/** Services run for days: what is measured is code that the engine has optimised, so everybody gets this long for it first. */
const WARM_UP_MS = 300;
/** Between two turns: time for timers and sockets, which a loop of calls answered from memory gives none. */
const PAUSE_MS = 2;

interface Runner {
  readonly subject: string;
  readonly loop: Loop;
  readonly operations: number;
  readonly samples: number[];
  from: number;
}

/**
 * Measures the contestants of a group round by round, each once a round and in another order every time, so that a noisy
 * moment of the machine touches all of them and nobody always comes after the same neighbour. The rounds that find out
 * how many operations fill one are the warm-up and do not count. Where that is exposed, young garbage is collected before
 * each turn, so that everybody pays for his own. A full collection would cost whoever allocates most after it: the engine
 * makes the young space small again, and drops code that was not used for some time.
 */
export async function measure(bench: Bench, plan: GroupPlan): Promise<Group> {
  const { name, pace, keys, unit = 'ops/s' } = plan;
  const runners: Runner[] = [];
  for (const { subject, operation, around } of plan.contestants) {
    bench.progress.step(`${name}: ${subject} warms up`);
    const plain = compileLoop(operation, keys, pace);
    const loop: Loop = around === undefined ? plain : (operations, from) => around(() => plain(operations, from));
    runners.push(await warmUp(bench, subject, loop, pace));
  }
  await inRounds(bench, name, runners, async (runner) => {
    runner.samples.push(toUnit(await rate(runner, plan.isAnswered === true), unit));
    runner.from += runner.operations;
  });
  const results = runners.map(({ subject, samples }) => toResult(subject, samples));
  return { name, unit, better: unit === 'ns' ? 'less' : 'more', results };
}

/** Samples that are no rates, taken in the same order: round by round, every subject once in each. */
export async function sample(
  bench: Bench,
  plan: {
    readonly name: string;
    readonly unit: Unit;
    readonly better: 'more' | 'less';
    readonly subjects: readonly string[];
    readonly rounds?: number;
    take(subject: string, round: number): Promise<number>;
  },
): Promise<Group> {
  const { name, unit, better } = plan;
  const takers = plan.subjects.map((subject) => ({ subject, samples: [] as number[] }));
  await inRounds(
    bench,
    name,
    takers,
    async ({ subject, samples }, round) => {
      samples.push(await plan.take(subject, round));
    },
    plan.rounds,
  );
  return { name, unit, better, results: takers.map(({ subject, samples }) => toResult(subject, samples)) };
}

/** Gives everybody a turn in each round, in a new order every time. */
export async function inRounds<T extends { readonly subject: string }>(
  bench: Bench,
  name: string,
  takers: readonly T[],
  turn: (taker: T, round: number) => Promise<void>,
  rounds: number = bench.options.rounds,
): Promise<void> {
  const random = bench.random(name);
  for (let round = 0; round < rounds; round++) {
    const order = takers.map((taker) => ({ taker, at: random.next() })).toSorted((a, b) => a.at - b.at);
    for (const { taker } of order) {
      bench.progress.step(`${name}: round ${round + 1} of ${rounds}, ${taker.subject}`);
      collectYoung?.({ type: 'minor' });
      await setTimeout(PAUSE_MS);
      await turn(taker, round);
    }
  }
}

async function warmUp(bench: Bench, subject: string, loop: Loop, pace: Pace): Promise<Runner> {
  const { roundMs } = bench.options;
  const atOnce = typeof pace === 'string' ? 1 : pace.atOnce;
  let operations = Math.max(FIRST_OPERATIONS, atOnce);
  let from = 0;
  let warmMs = 0;
  for (;;) {
    await setTimeout(PAUSE_MS);
    const tookMs = await time(() => loop(operations, from));
    from += operations;
    warmMs += tookMs;
    if (tookMs >= roundMs / 2 && warmMs >= WARM_UP_MS) {
      const fitting = (operations * roundMs) / tookMs / atOnce;
      return { subject, loop, operations: atOnce * Math.max(1, Math.round(fitting)), samples: [], from };
    }
    operations = atOnce * Math.ceil((operations * Math.min(8, roundMs / Math.max(tookMs, roundMs / 8))) / atOnce);
  }
}

/** Operations a second in one round. */
async function rate({ subject, loop, operations, ...runner }: Runner, isAnswered: boolean): Promise<number> {
  let last: unknown;
  const tookMs = await time(async () => {
    last = await loop(operations, runner.from);
  });
  if (isAnswered && (last === undefined || last === null)) throw new Error(`${subject} lost its values`);
  return (operations * 1000) / tookMs;
}

function toUnit(perSecond: number, unit: 'ops/s' | 'ns'): number {
  return unit === 'ns' ? 1e9 / perSecond : perSecond;
}

/** Milliseconds that something takes. */
export async function time(work: () => unknown): Promise<number> {
  const startedAtMs = performance.now();
  const result = work();
  if (result instanceof Promise) await result;
  return performance.now() - startedAtMs;
}
