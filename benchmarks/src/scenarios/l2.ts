// Question: what does an answer from the shared layer cost, one at a time and many at once?
// Does not show: a network. Client and server share the machine and its cores, so what a round trip costs elsewhere is
// missing, and with it the worth of asking once for many keys. Memory holds one entry: all the work of keeping what was
// read in memory is in the figures, and nothing is ever found there.
import { fillAndCheck } from '../agreement.ts';
import type { Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import { measure } from '../measure.ts';
import type { Group } from '../result.ts';
import { CACHES } from '../subjects/index.ts';
import { keysUpTo } from '../values.ts';

const KEYS = keysUpTo(1_024);

export const l2: Scenario = {
  name: 'l2',
  title: 'A hit in the shared layer',
  question: 'What an answer from Redis (memjs: Memcached) costs with 1, 50 and 500 reads under way.',
  limits:
    'Over loopback, so without a network; the server competes with the client for the cores of the machine. "MGET a tick" is no cache but the least work of such an answer with this codec and this isolation: one MGET, decoded and frozen.',
  run: (bench) =>
    bench.withSubjects(['ioredis', 'MGET a tick', 'memjs', ...CACHES], { memoryEntries: 1 }, async (subjects) => {
      for (const subject of subjects) await fillAndCheck(subject, KEYS);
      const contestants = subjects.flatMap(({ name, get, getOrSet }) => {
        const operation = get ?? getOrSet;
        return operation === undefined ? [] : [{ subject: name, operation }];
      });
      const groups: Group[] = [];
      for (const atOnce of [1, 50, 500]) {
        const pace = atOnce === 1 ? 'awaited' : { atOnce };
        const keys = inTurn(KEYS);
        groups.push(await measure(bench, { name: `${atOnce} at once`, pace, keys, contestants, isAnswered: true }));
      }
      return groups;
    }),
};
