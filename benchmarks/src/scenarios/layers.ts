// Question: what does one answer cost, depending on the layer it comes from? The picture behind having layers at all. And
// what do Redis and Memcached make of 50 calls at once, of reads and of sets?
// Does not show: a real source. The loader answers at once, so its line is what a miss costs beside the query: a look into
// every layer, the load, and the fill. Redis and Memcached are on the same machine; a network adds its round trip to both.
import { fillAndCheck } from '../agreement.ts';
import type { Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import type { Operation } from '../loops.ts';
import { type Contestant, measure } from '../measure.ts';
import type { Subject } from '../subject.ts';
import { keyOf, keysUpTo, user } from '../values.ts';

const KEYS = keysUpTo(1_024);
const AT_ONCE = 50;
/** Keys from here on are in no layer. */
const FIRST_MISSING = 1_000_000;

export const layers: Scenario = {
  name: 'layers',
  title: 'One answer, by layer',
  question:
    'What one answer costs, one at a time: from memory, from a shared layer, from the loader. And what a shared layer does ' +
    'with 50 calls at once.',
  limits: 'Over loopback. The loader answers at once: its line is what a miss costs beside the query itself.',
  async run(bench) {
    const inMemory = await bench.open('tierwise', { memoryEntries: 10_000 });
    const shared = await bench.open('tierwise', { memoryEntries: 1 });
    const simple = await bench.open('tierwise-memcached', { memoryEntries: 1 });
    const memjs = await bench.open('memjs', { memoryEntries: 1 });
    try {
      for (const subject of [inMemory, shared, memjs]) await fillAndCheck(subject, KEYS);
      // Filled by loads: sets would void the keys they share a bucket with.
      await fillAndCheck({ ...simple, set: undefined }, KEYS);
      const { peek, get, getOrSet } = inMemory;
      if (!(peek && get && getOrSet)) throw new Error('a subject lost an operation');
      const layered = [
        { subject: 'Redis', ...operationsOf(shared) },
        { subject: 'Memcached', ...operationsOf(simple) },
        { subject: 'Memcached, bare memjs', ...operationsOf(memjs) },
      ];
      const awaited: Contestant[] = [
        { subject: 'memory, awaited', operation: get },
        ...layered.map(({ subject, get: operation }) => ({ subject, operation })),
        { subject: 'loader', operation: (_key, index) => getOrSet(keyOf(FIRST_MISSING + index)) },
      ];
      const common = { keys: inTurn(KEYS), unit: 'ns', isAnswered: true } as const;
      const sync = [{ subject: 'memory, sync', operation: peek }];
      const bySync = await measure(bench, { ...common, name: 'sync', pace: 'sync', contestants: sync });
      const byAwait = await measure(bench, { ...common, name: 'awaited', pace: 'awaited', contestants: awaited });
      const pace = { atOnce: AT_ONCE };
      const reads = layered.map(({ subject, get: operation }) => ({ subject, operation }));
      const many = { name: `${AT_ONCE} at once`, pace, keys: inTurn(KEYS), isAnswered: true };
      const sets = layered.map(({ subject, set: operation }) => ({ subject, operation }));
      const manySets = { name: `set, ${AT_ONCE} at once`, pace, keys: inTurn(KEYS) };
      return [
        { ...byAwait, name: 'one answer', results: [...bySync.results, ...byAwait.results] },
        await measure(bench, { ...many, contestants: reads }),
        await measure(bench, { ...manySets, contestants: sets }),
      ];
    } finally {
      for (const subject of [inMemory, shared, simple, memjs]) await subject.close();
    }
  },
};

function operationsOf({ name, get, set }: Subject): { get: Operation; set: Operation } {
  if (get === undefined || set === undefined) throw new Error(`${name} lost an operation`);
  return { get, set: (key, index) => set(key, user(index & (KEYS.length - 1))) };
}
