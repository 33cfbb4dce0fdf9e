// Question: what does a cache do for a service: hit ratio, queries saved, response time, on one skewed stream of requests?
// Does not show: your traffic. Every cache begins empty. Hit ratio and saved queries follow from the skew (Zipf, exponent 1), the number of items
// (1,000), the share of writes (2 %) and the length of the stream, all stated here; response time follows from a query that
// takes 2 ms and a pool of 10 connections, which is where the queries of a service without a cache wait.
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Bench, Scenario } from '../bench.ts';
import { createZipf } from '../key-sequence.ts';
import { inRounds } from '../measure.ts';
import { type Group, percentile, toResult } from '../result.ts';
import type { Subject } from '../subject.ts';
import { cachesWithout } from '../subjects/index.ts';
import { keyOf, userOf } from '../values.ts';

const SUBJECTS = cachesWithout('async-cache-dedupe');
const NO_CACHE = 'no cache';
const ITEMS = 1_000;
const REQUESTS = 20_000;
const WRITES = 0.02;
/** Requests under way at once. */
const CLIENTS = 32;
const QUERY_MS = 2;
const POOL = 10;
/** One replay takes seconds where there is no cache. */
const MOST_ROUNDS = 3;

interface Request {
  readonly key: string;
  readonly isWrite: boolean;
}

interface Replay {
  readonly hitRatio: number;
  readonly queries: number;
  readonly meanMs: number;
  readonly p99Ms: number;
}

export const workload: Scenario = {
  name: 'workload',
  title: 'A skewed workload, end to end',
  question: 'What a cache does for a service: hit ratio, database queries, response time, beside the same without one.',
  limits:
    '20,000 requests for 1,000 items, from cold, Zipf with exponent 1, 2 % writes; a query takes 2 ms, 10 at a time.',
  async run(bench) {
    const requests = createRequests(bench);
    const rounds = Math.min(MOST_ROUNDS, bench.options.rounds);
    const runners = [NO_CACHE, ...SUBJECTS].map((subject) => ({ subject, replays: [] as Replay[] }));
    await inRounds(
      bench,
      'replay',
      runners,
      async ({ subject, replays }) => {
        replays.push(await replay(bench, subject, requests));
      },
      rounds,
    );
    const group = (
      name: string,
      unit: Group['unit'],
      better: Group['better'],
      of: (replay: Replay) => number,
    ): Group => ({
      name,
      unit,
      better,
      results: runners.map(({ subject, replays }) => toResult(subject, replays.map(of))),
    });
    return [
      group('hit ratio', '%', 'more', ({ hitRatio }) => 100 * hitRatio),
      group('database queries', 'queries', 'less', ({ queries }) => queries),
      group('response time, mean', 'ms', 'less', ({ meanMs }) => meanMs),
      group('response time, p99', 'ms', 'less', ({ p99Ms }) => p99Ms),
    ];
  },
};

function createRequests(bench: Bench): Request[] {
  const random = bench.random('workload');
  const draw = createZipf(ITEMS, random);
  return Array.from({ length: REQUESTS }, () => ({ key: keyOf(draw()), isWrite: random.chance(WRITES) }));
}

/** A database that answers after a while, to so many at a time. */
class Database {
  queries = 0;
  #free = POOL;
  readonly #waiting: (() => void)[] = [];

  async query(key: string): Promise<ReturnType<typeof userOf>> {
    this.queries++;
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    await setTimeout(QUERY_MS);
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
    return userOf(key);
  }
}

async function replay(bench: Bench, name: string, requests: readonly Request[]): Promise<Replay> {
  const database = new Database();
  const load = (key: string): ReturnType<Database['query']> => database.query(key);
  const subject = name === NO_CACHE ? undefined : await bench.open(name, { memoryEntries: 10_000, load });
  const tookMs: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
      // Requests come from a network: between two of them the process gets to its sockets and timers.
      await setImmediate();
      const startedAtMs = performance.now();
      await answer(request, subject, database);
      tookMs.push(performance.now() - startedAtMs);
    }
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
  } finally {
    await subject?.close();
  }
  const writes = requests.filter(({ isWrite }) => isWrite).length;
  const reads = requests.length - writes;
  const meanMs = tookMs.reduce((sum, ms) => sum + ms, 0) / tookMs.length;
  const hitRatio = 1 - (database.queries - writes) / reads;
  return { hitRatio, queries: database.queries, meanMs, p99Ms: percentile(tookMs, 0.99) };
}

async function answer({ key, isWrite }: Request, subject: Subject | undefined, database: Database): Promise<void> {
  if (isWrite) {
    await database.query(key);
    await subject?.delete?.(key);
    return;
  }
  const user = await (subject?.getOrSet === undefined ? database.query(key) : subject.getOrSet(key));
  if (user?.id !== userOf(key).id) throw new Error(`${subject?.name ?? NO_CACHE} answers ${key} with another value`);
}
