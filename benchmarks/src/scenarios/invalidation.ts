// Question: how long until instances in other processes have forgotten a key, and how many keys a second can be told?
// Does not show: a network, lost messages, or instances that were cut off (that is what the consistency run measures:
// docs/guides/testing.md). All processes share the cores of one machine, so with eight of them the scheduler is in the
// figures, for every subject alike. Counted from the call to the moment at which memory does not hold the key any more.
import { setTimeout } from 'node:timers/promises';
import { fill } from '../agreement.ts';
import type { Bench, Scenario } from '../bench.ts';
import { inRounds } from '../measure.ts';
import { Helper } from '../processes/child.ts';
import type { Forgotten, ListenerOrder, ListenerSpec } from '../processes/listener.ts';
import { type Group, percentile, toResult } from '../result.ts';
import type { Subject, SubjectContext } from '../subject.ts';
import { subjectKind, TELLING } from '../subjects/index.ts';
import { keysUpTo, userOf } from '../values.ts';

const SIZES = [1, 3, 8];
/** Told one after the other, to see how long each takes. */
const SINGLE = keysUpTo(150);
/** Told 50 at once, to see how many pass. */
const MANY = keysUpTo(2_000);
const AT_ONCE = 50;
const PAUSE_MS = 1;
const MEMORY_ENTRIES = 10_000;
/** Rounds are dear here: a run of them takes a second. */
const MOST_ROUNDS = 5;

interface Runner {
  readonly subject: string;
  readonly writer: Subject;
  readonly medianMs: number[];
  readonly p99Ms: number[];
  readonly perSecond: number[];
}

export const invalidation: Scenario = {
  name: 'invalidation',
  title: 'Telling other processes',
  question: 'How long until 1, 3 and 8 other processes have forgotten a key, and how many keys a second reach them.',
  limits: 'One machine: with 8 processes on few cores the scheduler is in every figure. No losses, no network.',
  async run(bench) {
    const writers = new Map<string, Subject>();
    const spec = specOf(bench);
    const helpers: Helper[] = [];
    try {
      for (const { kind, name } of spec.subjects)
        writers.set(kind, await subjectKind(kind).open(contextOf(bench, name)));
      const groups: Group[] = [];
      for (const size of SIZES) {
        bench.progress.step(`starting ${size - helpers.length} more processes`);
        const started = Array.from({ length: size - helpers.length }, () => Helper.start('listener', spec));
        helpers.push(...(await Promise.all(started)));
        groups.push(...(await measureSize(bench, writers, helpers)));
      }
      return groups;
    } finally {
      for (const helper of helpers) await helper.stop();
      for (const writer of writers.values()) await writer.close();
    }
  },
};

function specOf(bench: Bench): ListenerSpec {
  const subjects = TELLING.map((kind) => ({ kind, name: `told-${kind}` }));
  return { redisUrl: bench.options.redisUrl, subjects, memoryEntries: MEMORY_ENTRIES };
}

function contextOf({ options }: Bench, name: string): SubjectContext {
  const { redisUrl } = options;
  const load: SubjectContext['load'] = async (key) => userOf(key);
  return { redisUrl, memcachedAddress: undefined, name, memoryEntries: MEMORY_ENTRIES, load };
}

async function measureSize(
  bench: Bench,
  writers: ReadonlyMap<string, Subject>,
  helpers: readonly Helper[],
): Promise<Group[]> {
  const runners = [...writers].map(
    ([subject, writer]): Runner => ({ subject, writer, medianMs: [], p99Ms: [], perSecond: [] }),
  );
  const processes = helpers.length === 1 ? '1 process' : `${helpers.length} processes`;
  const rounds = Math.min(MOST_ROUNDS, bench.options.rounds);
  await turn(runners[0] as Runner, helpers, false);
  await inRounds(bench, processes, runners, (runner) => turn(runner, helpers, true), rounds);
  const group = (
    name: string,
    unit: Group['unit'],
    better: Group['better'],
    of: (runner: Runner) => number[],
  ): Group => ({
    name: `${name}, ${processes}`,
    unit,
    better,
    results: runners.map((runner) => toResult(runner.subject, of(runner))),
  });
  return [
    group('median', 'ms', 'less', ({ medianMs }) => medianMs),
    group('p99', 'ms', 'less', ({ p99Ms }) => p99Ms),
    group('throughput', 'ops/s', 'more', ({ perSecond }) => perSecond),
  ];
}

async function turn(runner: Runner, helpers: readonly Helper[], isCounted: boolean): Promise<void> {
  const delaysMs = await tellSingly(runner, helpers);
  const perSecond = await tellMany(runner, helpers);
  if (!isCounted) return;
  runner.medianMs.push(percentile(delaysMs, 0.5));
  runner.p99Ms.push(percentile(delaysMs, 0.99));
  runner.perSecond.push(perSecond);
}

/** For each key and process the milliseconds from the call until the key was forgotten. */
async function tellSingly({ subject, writer }: Runner, helpers: readonly Helper[]): Promise<number[]> {
  const forgotten = await watch({ subject, writer }, helpers, SINGLE);
  const toldAtUs: number[] = [];
  for (const key of SINGLE) {
    toldAtUs.push(nowUs());
    await writer.delete?.(key);
    await setTimeout(PAUSE_MS);
  }
  const answers = await forgotten();
  return answers.flatMap(({ atUs }) => atUs.map((us, index) => (us - (toldAtUs[index] as number)) / 1_000));
}

/** Keys a second, until the last process has forgotten the last of them. */
async function tellMany({ subject, writer }: Runner, helpers: readonly Helper[]): Promise<number> {
  const forgotten = await watch({ subject, writer }, helpers, MANY);
  const beganAtUs = nowUs();
  for (let at = 0; at < MANY.length; at += AT_ONCE) {
    await Promise.all(MANY.slice(at, at + AT_ONCE).map((key) => writer.delete?.(key)));
  }
  const lastAtUs = Math.max(...(await forgotten()).flatMap(({ atUs }) => atUs));
  return (MANY.length * 1e6) / (lastAtUs - beganAtUs);
}

/** Has all processes hold the keys and watch them; the result waits for what they saw. */
async function watch(
  { subject, writer }: Pick<Runner, 'subject' | 'writer'>,
  helpers: readonly Helper[],
  keys: readonly string[],
): Promise<() => Promise<Forgotten[]>> {
  await fill(writer, keys);
  const order = (kind: ListenerOrder['kind']): ListenerOrder => ({ kind, subject, keys });
  const holding = await Promise.all(helpers.map((helper) => helper.ask<{ held: number }>(order('hold'))));
  if (holding.some(({ held }) => held < keys.length)) throw new Error(`${subject} does not hold what it read`);
  await Promise.all(helpers.map((helper) => helper.ask(order('watch'))));
  const seen = helpers.map((helper) => helper.next<Forgotten>());
  return () => Promise.all(seen);
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
