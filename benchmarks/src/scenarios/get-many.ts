// Question: what do 100 values cost that are asked for in one call and come from the shared layer?
// Does not show: a network, or several such calls at once. Memory holds one entry, so all 100 come from Redis. bentocache,
// memjs and async-cache-dedupe have no such call.
import { fillAndCheck } from '../agreement.ts';
import type { Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import { measure } from '../measure.ts';
import { cachesWithout } from '../subjects/index.ts';
import { keysUpTo } from '../values.ts';

const KEYS = keysUpTo(1_000);
const MANY = 100;
const BATCHES = Array.from({ length: KEYS.length / MANY }, (_, at) => KEYS.slice(at * MANY, (at + 1) * MANY));

export const getMany: Scenario = {
  name: 'get-many',
  title: '100 keys in one call',
  question: 'What a call for 100 keys costs that are all in Redis; the bare client does MGET and JSON.parse.',
  limits:
    'One call after the other, over loopback. An operation is a call, so 100 values. "MGET a tick" is no cache but the least work of such an answer with this codec and this isolation: MGET, decoded and frozen.',
  run: (bench) =>
    bench.withSubjects(
      ['ioredis', 'MGET a tick', ...cachesWithout('bentocache', 'async-cache-dedupe')],
      { memoryEntries: 1 },
      async (subjects) => {
        for (const subject of subjects) await fillAndCheck(subject, KEYS);
        const contestants = subjects.map(({ name, getMany: read }) => ({
          subject: name,
          operation: (_key: string, index: number) => read?.(BATCHES[index % BATCHES.length] as string[]),
        }));
        return [
          await measure(bench, {
            name: '100 keys',
            pace: 'awaited',
            keys: inTurn(KEYS),
            contestants,
            isAnswered: true,
          }),
        ];
      },
    ),
};
