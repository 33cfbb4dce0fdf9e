// Question: what does one answer cost, depending on the layer it comes from? The picture behind having layers at all.
// Does not show: a real source. The loader answers at once, so its line is what a miss costs beside the query: a look into
// every layer, the load, and the fill. Redis and Memcached are on the same machine; a network adds its round trip to both.
import { fillAndCheck } from '../agreement.ts';
import type { Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import { type Contestant, measure } from '../measure.ts';
import { keyOf, keysUpTo } from '../values.ts';

const KEYS = keysUpTo(1_024);
/** Keys from here on are in no layer. */
const FIRST_MISSING = 1_000_000;

export const layers: Scenario = {
  name: 'layers',
  title: 'One answer, by layer',
  question: 'What one answer costs, one at a time: from memory, from a shared layer, from the loader.',
  limits: 'Over loopback. The loader answers at once: its line is what a miss costs beside the query itself.',
  async run(bench) {
    const inMemory = await bench.open('tierwise', { memoryEntries: 10_000 });
    const shared = await bench.open('tierwise', { memoryEntries: 1 });
    const simple = await bench.open('tierwise-memcached', { memoryEntries: 1 });
    const memjs = await bench.open('memjs', { memoryEntries: 1 });
    try {
      for (const subject of [inMemory, shared, simple, memjs]) await fillAndCheck(subject, KEYS);
      const { peek, get, getOrSet } = inMemory;
      if (!(peek && get && getOrSet && shared.get && simple.get && memjs.get))
        throw new Error('a subject lost an operation');
      const awaited: Contestant[] = [
        { subject: 'memory, awaited', operation: get },
        { subject: 'Redis', operation: shared.get },
        { subject: 'Memcached', operation: simple.get },
        { subject: 'Memcached, bare memjs', operation: memjs.get },
        { subject: 'loader', operation: (_key, index) => getOrSet(keyOf(FIRST_MISSING + index)) },
      ];
      const common = { keys: inTurn(KEYS), unit: 'ns', isAnswered: true } as const;
      const sync = [{ subject: 'memory, sync', operation: peek }];
      const bySync = await measure(bench, { ...common, name: 'sync', pace: 'sync', contestants: sync });
      const byAwait = await measure(bench, { ...common, name: 'awaited', pace: 'awaited', contestants: awaited });
      return [{ ...byAwait, name: 'one answer', results: [...bySync.results, ...byAwait.results] }];
    } finally {
      for (const subject of [inMemory, shared, simple, memjs]) await subject.close();
    }
  },
};
