import { bareKeyAt, type Fixture, inBatches, keyAt, type User, user } from '../fixture.ts';
import type { Scenario } from '../measure.ts';

export function l1Sync({ lru, cache }: Fixture): Scenario {
  return {
    name: 'l1-sync',
    question: 'What a synchronous hit in memory costs beside a bare LRU map; says nothing of misses or of many cores.',
    subjects: [
      {
        name: 'lru-cache get',
        run(operations) {
          for (let i = 0; i < operations; i++) lru.get(keyAt(i));
        },
      },
      {
        name: 'tierwise peek',
        run(operations) {
          for (let i = 0; i < operations; i++) cache.peek(keyAt(i));
        },
      },
    ],
  };
}

export function l1Awaited({ lru, cache }: Fixture): Scenario {
  const bare = async (key: string): Promise<User | undefined> => lru.get(key);
  const load = (): User => user(0);
  return {
    name: 'l1-awaited',
    question: 'What an awaited hit in memory costs beside an async function around a bare LRU map.',
    subjects: [
      {
        name: 'async lru-cache get',
        async run(operations) {
          for (let i = 0; i < operations; i++) await bare(keyAt(i));
        },
      },
      {
        name: 'tierwise get',
        async run(operations) {
          for (let i = 0; i < operations; i++) await cache.get(keyAt(i));
        },
      },
      {
        name: 'tierwise getOrSet',
        async run(operations) {
          for (let i = 0; i < operations; i++) await cache.getOrSet(keyAt(i), load);
        },
      },
    ],
  };
}

export function l2Hit({ ioredis, shared }: Fixture): Scenario {
  return {
    name: 'l2-hit',
    question:
      'What a value from Redis costs, 50 reads at once, beside GET and JSON; over loopback, so without a network.',
    subjects: [
      {
        name: 'ioredis GET + JSON.parse',
        run: (operations) =>
          inBatches(operations, async (i) => JSON.parse((await ioredis.get(bareKeyAt(i))) as string) as User),
      },
      { name: 'tierwise get', run: (operations) => inBatches(operations, (i) => shared.get(keyAt(i))) },
    ],
  };
}
