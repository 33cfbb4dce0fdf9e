// Question: what does a hit in memory cost, asked for synchronously and awaited, with even and with skewed popularity?
// Does not show: misses, writes, memory under pressure, or more threads than one. 1,000 keys stay in the processor's
// caches; a larger set is slower for everybody. bentocache parses JSON at every hit, which its option `serialize: false`
// would save. lru-cache judges by a clock that a timer sets, layered-loader by the lifetime alone, tierwise also by its
// proof. "judged Map" is no cache: it is the least work of a hit that keeps the promise.

import { fillAndCheck } from '../agreement.ts';
import type { Bench, Scenario } from '../bench.ts';
import { uniform, zipf } from '../key-sequence.ts';
import { type Contestant, measure } from '../measure.ts';
import type { Group } from '../result.ts';
import type { Subject } from '../subject.ts';
import { CACHES } from '../subjects/index.ts';
import { keysUpTo } from '../values.ts';

const KEYS = keysUpTo(1_000);
const MEMORY_ENTRIES = 10_000;

export const l1: Scenario = {
  name: 'l1',
  title: 'A hit in memory',
  question: 'What a hit in memory costs: synchronous, awaited, and through getOrSet, for even and for skewed keys.',
  limits:
    'Says nothing of misses, writes or several threads. 1,000 keys stay in the processor caches. bentocache keeps JSON in memory, its default. "judged Map" is no cache but the least work of a hit that keeps the promise: one look-up in a `Map`, one `Date.now()`, the comparisons with lifetime, proof and invalidations; awaited, it hands out a promise it has kept, as tierwise does.',
  run: (bench) =>
    bench.withSubjects(['lru-cache', 'judged Map', ...CACHES], { memoryEntries: MEMORY_ENTRIES }, async (subjects) => {
      for (const subject of subjects) await fillAndCheck(subject, KEYS);
      return measureAll(bench, subjects);
    }),
};

async function measureAll(bench: Bench, subjects: readonly Subject[]): Promise<readonly Group[]> {
  const even = uniform(KEYS, bench.random('uniform'));
  const skewed = zipf(KEYS, bench.random('zipf'));
  const groups: Group[] = [];
  for (const [popularity, keys] of [
    ['uniform', even],
    ['Zipf', skewed],
  ] as const) {
    const common = { keys, isAnswered: true };
    groups.push(
      await measure(bench, { ...common, name: `sync, ${popularity}`, pace: 'sync', contestants: peeks(subjects) }),
      await measure(bench, { ...common, name: `awaited, ${popularity}`, pace: 'awaited', contestants: gets(subjects) }),
    );
  }
  const contestants = subjects.flatMap(({ name, getOrSet }): Contestant[] =>
    getOrSet === undefined ? [] : [{ subject: name, operation: getOrSet }],
  );
  groups.push(
    await measure(bench, { name: 'getOrSet, uniform', pace: 'awaited', keys: even, contestants, isAnswered: true }),
  );
  return groups;
}

function peeks(subjects: readonly Subject[]): Contestant[] {
  return subjects.flatMap(({ name, peek }) => (peek === undefined ? [] : [{ subject: name, operation: peek }]));
}

function gets(subjects: readonly Subject[]): Contestant[] {
  return subjects.flatMap(({ name, get }) => (get === undefined ? [] : [{ subject: name, operation: get }]));
}
