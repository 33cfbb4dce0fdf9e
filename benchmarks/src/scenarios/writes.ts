import { bareKeyAt, type Fixture, inBatches, keyAt, user } from '../fixture.ts';
import type { Scenario } from '../measure.ts';

export function set({ ioredis, cache }: Fixture): Scenario {
  return {
    name: 'set',
    question:
      'What storing for all instances costs, 50 at once, beside SET; tierwise also orders, fences, logs, publishes.',
    subjects: [
      {
        name: 'ioredis SET + JSON.stringify',
        run: (operations) => inBatches(operations, (i) => ioredis.set(bareKeyAt(i), JSON.stringify(user(i)))),
      },
      { name: 'tierwise set', run: (operations) => inBatches(operations, (i) => cache.set(keyAt(i), user(i))) },
    ],
  };
}

export function invalidate({ ioredis, cache }: Fixture): Scenario {
  return {
    name: 'delete',
    question:
      'What telling all instances to forget a key costs, 50 at once, beside DEL and PUBLISH; not the way there.',
    subjects: [
      {
        name: 'ioredis DEL + PUBLISH',
        run: (operations) =>
          inBatches(operations, (i) =>
            Promise.all([ioredis.del(bareKeyAt(i)), ioredis.publish('bench', bareKeyAt(i))]),
          ),
      },
      { name: 'tierwise delete', run: (operations) => inBatches(operations, (i) => cache.delete(keyAt(i))) },
    ],
  };
}
