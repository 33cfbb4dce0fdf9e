// npm run bench:guard
// Fails when tierwise has become many times slower beside a peer than it was: a lost batch, a leak on the hot path, a wait
// where there was none. Both sides are measured interleaved on the same machine, and a bound is a tenth of what was
// measured when it was set, so neither another machine nor a busy one trips it. What trips is measured once more. Counts
// that are exact (commands, loads, promises) are in the tests instead.
import { runCommand, startRedis } from '../../scripts/servers/index.ts';
import { fillAndCheck } from './agreement.ts';
import { Bench } from './bench.ts';
import { inTurn } from './key-sequence.ts';
import type { Operation, Pace } from './loops.ts';
import { measure } from './measure.ts';
import { Progress } from './progress.ts';
import type { Subject } from './subject.ts';
import { pairedRatio } from './targets.ts';
import { keysUpTo, user } from './values.ts';

const KEYS = keysUpTo(1_024);
const ROUNDS = 5;
const ROUND_MS = 40;
const ATTEMPTS = 2;

interface Check {
  readonly name: string;
  readonly peer: string;
  readonly pace: Pace;
  /** Entries in memory: 1 where Redis is to answer. */
  readonly memoryEntries: number;
  /** The ratio of rates below which the check fails. */
  readonly atLeast: number;
  readonly operation: (subject: Subject) => Operation | undefined;
}

const AT_ONCE = { atOnce: 50 } as const;
const BATCHES = Array.from({ length: 10 }, (_, at) => KEYS.slice(at * 100, (at + 1) * 100));

const CHECKS: readonly Check[] = [
  {
    name: 'peek',
    peer: 'lru-cache',
    pace: 'sync',
    memoryEntries: 10_000,
    atLeast: 0.03,
    operation: ({ peek }) => peek,
  },
  {
    name: 'get',
    peer: 'lru-cache',
    pace: 'awaited',
    memoryEntries: 10_000,
    atLeast: 0.05,
    operation: ({ get }) => get,
  },
  {
    name: 'getOrSet',
    peer: 'layered-loader',
    pace: 'awaited',
    memoryEntries: 10_000,
    atLeast: 0.07,
    operation: ({ getOrSet }) => getOrSet,
  },
  {
    name: 'get from Redis, one at a time',
    peer: 'ioredis',
    pace: 'awaited',
    memoryEntries: 1,
    atLeast: 0.06,
    operation: ({ get }) => get,
  },
  {
    name: 'get from Redis, 50 at once',
    peer: 'ioredis',
    pace: AT_ONCE,
    memoryEntries: 1,
    atLeast: 0.1,
    operation: ({ get }) => get,
  },
  {
    name: 'getMany of 100 from Redis',
    peer: 'ioredis',
    pace: 'awaited',
    memoryEntries: 1,
    atLeast: 0.04,
    operation: ({ getMany }) => getMany && ((_key, index) => getMany(BATCHES[index % BATCHES.length] as string[])),
  },
  {
    name: 'set, 50 at once',
    peer: 'ioredis',
    pace: AT_ONCE,
    memoryEntries: 10_000,
    atLeast: 0.04,
    operation: ({ set }) => set && ((key, index) => set(key, user(index & (KEYS.length - 1)))),
  },
  {
    name: 'delete, 50 at once',
    peer: 'ioredis',
    pace: AT_ONCE,
    memoryEntries: 10_000,
    atLeast: 0.15,
    operation: (subject) => subject.delete,
  },
];

await runCommand(main);

async function main(): Promise<number> {
  await using redis = await startRedis();
  const progress = new Progress();
  const bench = new Bench({
    redisUrl: redis.url,
    memcachedAddress: '',
    rounds: ROUNDS,
    roundMs: ROUND_MS,
    seed: 1,
    progress,
  });
  let failures = 0;
  for (const check of CHECKS) {
    const ratios = await ratiosOf(bench, check);
    const isGood = ratios.some((ratio) => ratio >= check.atLeast);
    progress.end();
    const measured = ratios.map((ratio) => ratio.toFixed(2)).join(', then ');
    console.log(
      `${isGood ? 'ok    ' : 'FAILED'} ${check.name}: ${measured} x ${check.peer}, at least ${check.atLeast}`,
    );
    failures += isGood ? 0 : 1;
  }
  console.log(`${CHECKS.length - failures} of ${CHECKS.length} within bounds, ${Math.round(progress.elapsedS)} s`);
  return failures === 0 ? 0 : 1;
}

/** One ratio, or two where the first was out of bounds. */
async function ratiosOf(bench: Bench, check: Check): Promise<number[]> {
  const ratios: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ratio = await ratioOf(bench, check);
    ratios.push(ratio);
    if (ratio >= check.atLeast) break;
  }
  return ratios;
}

async function ratioOf(bench: Bench, { name, peer, pace, memoryEntries, operation }: Check): Promise<number> {
  const groups = await bench.withSubjects(['tierwise', peer], { memoryEntries }, async (subjects) => {
    const contestants = [];
    for (const subject of subjects) {
      await fillAndCheck(subject, KEYS);
      const own = operation(subject);
      if (own !== undefined) contestants.push({ subject: subject.name, operation: own });
    }
    return [await measure(bench, { name, pace, keys: inTurn(KEYS), contestants })];
  });
  const [own = [], other = []] = (groups[0]?.results ?? []).map(({ samples }) => samples);
  return pairedRatio(own, other);
}
