// Question: what does it cost to store a value for all instances, and to make all of them forget one, 50 calls at once?
// Does not show: the way to the other instances (see invalidation), large values, or what the guarantees are worth. The
// bare client's SET carries a lifetime, as all entries here do, and its DEL is followed by a PUBLISH; neither orders,
// fences or logs anything. cache-manager tells nobody; memjs and it delete without a message. cacheable's messages carry
// the value.
import { fill, fillAndCheck } from '../agreement.ts';
import type { Bench, Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import { type Contestant, measure } from '../measure.ts';
import type { Group } from '../result.ts';
import type { Subject } from '../subject.ts';
import { cachesWithout } from '../subjects/index.ts';
import { keysUpTo, user } from '../values.ts';

const KEYS = keysUpTo(1_024);
const AT_ONCE = 50;
const SUBJECTS = ['ioredis', 'script a tick', 'memjs', ...cachesWithout('async-cache-dedupe')];

export const set: Scenario = {
  name: 'set',
  title: 'Storing a value',
  question: 'What storing a value in both layers and telling all instances costs, 50 calls at once.',
  limits:
    'Small values, over loopback, nobody listening. ioredis and memjs only store; cache-manager tells nobody. "script a tick" is no cache but the least work of storing what was set in a tick in one step: one script that does nothing but SET.',
  run: (bench) =>
    measureWrites(bench, ({ set: store }) => store && ((key, index) => store(key, user(index & (KEYS.length - 1))))),
};

export const remove: Scenario = {
  name: 'delete',
  title: 'Forgetting a value',
  question: 'What making all instances forget a key costs, 50 calls at once; the bare client does DEL and PUBLISH.',
  limits:
    'Over loopback, nobody listening; the keys are there at the first call of each only. cache-manager tells nobody.',
  run: (bench) => measureWrites(bench, (subject) => subject.delete),
};

async function measureWrites(
  bench: Bench,
  operationOf: (subject: Subject) => Contestant['operation'] | undefined,
): Promise<readonly Group[]> {
  return bench.withSubjects(SUBJECTS, { memoryEntries: 10_000 }, async (subjects) => {
    const contestants: Contestant[] = [];
    for (const subject of subjects) {
      await fillAndCheck(subject, KEYS);
      const operation = operationOf(subject);
      if (operation !== undefined) contestants.push({ subject: subject.name, operation });
    }
    for (const subject of subjects) await fill(subject, KEYS);
    const name = `${AT_ONCE} at once`;
    return [await measure(bench, { name, pace: { atOnce: AT_ONCE }, keys: inTurn(KEYS), contestants })];
  });
}
