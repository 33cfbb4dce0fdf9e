import type { Redis } from 'ioredis';
import type { Cache } from 'tierwise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { FILL_ENTRIES, INVALIDATE_NAMES, READ_TAIL, SET_ENTRIES } from '../src/lua/scripts.generated.ts';
import { openCache, openClient, subscribed, uniqueName } from './support/caches.ts';
import { monitored } from './support/monitored.ts';
import { eventually } from './support/until.ts';

/** A server of its own: what it counts is what these tests do. */
let server: Server;
let client: Redis;
let cache: Cache;
/** Another instance of the cache, with nothing in memory. */
let other: Cache;

const KEYS = Array.from({ length: 50 }, (_, index) => `k${index}`);

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

beforeEach(async () => {
  client = openClient(server.url);
  // A long lease, so that no tail of the timer falls into a count.
  const name = uniqueName();
  const options = { name, coherence: { lease: '10m' } } as const;
  [cache, other] = [openCache(options, { url: server.url }), openCache(options, { url: server.url })];
  await cache.ready();
  await other.ready();
  // A bus that comes up late would have its commands counted.
  await subscribed(name, 2, client);
});

interface Sent {
  /**
   * Each command a client sent: a read as its name and the number of its keys, a script by its own name. Tails are left
   * out: a lift asks every instance for one, whenever it hears of it.
   */
  readonly byClients: string[];
  /** How many commands scripts ran, those of tails left out. */
  inScripts: number;
}

async function watchCommands(work: () => Promise<unknown>): Promise<Sent> {
  const sent: Sent = { byClients: [], inScripts: 0 };
  // A script is told of before what it runs.
  let isTail = false;
  await monitored(client, work, (name, args, source) => {
    if (source !== 'lua') isTail = args[0] === READ_TAIL.sha1;
    if (isTail) return;
    if (source === 'lua') sent.inScripts++;
    else sent.byClients.push(shown(name, args));
  });
  return sent;
}

const SCRIPTS: Readonly<Record<string, string>> = {
  [FILL_ENTRIES.sha1]: 'fill',
  [SET_ENTRIES.sha1]: 'set',
  [INVALIDATE_NAMES.sha1]: 'invalidate',
};

function shown(name: string, args: readonly string[]): string {
  return name === 'evalsha' ? (SCRIPTS[args[0] ?? ''] ?? 'another script') : `${name} ${args.length}`;
}

describe('one call sends', () => {
  beforeEach(async () => {
    // On a busy machine a set may miss memory; what counts is the read of what is held.
    await eventually(async () => {
      await cache.set('held', 1);
      return cache.peek('held');
    }).toBe(1);
  });

  test.each<[string, () => Promise<unknown>, string[]]>([
    ['get, held in memory', () => cache.get('held'), []],
    ['getOrSet, held in memory', () => cache.getOrSet('held', () => 2), []],
    ['get, in Redis', () => other.get('held'), ['mget 1']],
    ['entry, in Redis', () => other.entry('held'), ['mget 1']],
    ['get, nowhere', () => cache.get('nowhere'), ['mget 1']],
    ['getOrSet, in Redis', () => other.getOrSet('held', () => 2), ['mget 1']],
    ['set', () => cache.set('k', 1, { tags: ['t', 'u'] }), ['set']],
    ['setMany', () => cache.setMany(KEYS.map((key) => ({ key, value: 1 }))), ['set']],
    ['delete', () => cache.delete('held'), ['invalidate']],
    ['deleteMany', () => cache.deleteMany(KEYS), ['invalidate']],
    ['invalidateTags', () => cache.invalidateTags(['t', 'u']), ['invalidate']],
    ['invalidatePrefix', () => cache.invalidatePrefix('user:'), ['invalidate']],
    ['clear', () => cache.clear(), ['invalidate']],
    ['mutate', () => cache.mutate({ keys: ['held'], tags: ['t'] }, () => 1), ['invalidate', 'invalidate']],
  ])('%s', async (_name, call, commands) => {
    expect((await watchCommands(call)).byClients).toEqual(commands);
  });

  test('getOrSet, nowhere: the read, and the fill afterwards', async () => {
    const { byClients } = await watchCommands(async () => {
      await cache.getOrSet('nowhere', () => 1);
      await eventually(() => cache.stats().remote.fills).toBe(1);
    });
    expect(byClients).toEqual(['mget 1', 'fill']);
  });
});

test('1,000 callers of one key ask Redis for one key', async () => {
  await cache.set('k', 1);
  const { byClients } = await watchCommands(async () => {
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => other.get('k')));
    expect(new Set(answers)).toEqual(new Set([1]));
  });
  expect(byClients).toEqual(['mget 1']);
});

test('100 keys are one MGET of 100 names', async () => {
  const keys = Array.from({ length: 100 }, (_, index) => `many:${index}`);
  const { byClients } = await watchCommands(() => cache.getMany(keys));
  expect(byClients).toEqual(['mget 100']);
});

test('1,000 callers of a cold key load it once and fill it once', async () => {
  let loads = 0;
  const { byClients } = await watchCommands(async () => {
    await Promise.all(
      Array.from({ length: 1_000 }, () =>
        cache.getOrSet('cold', () => {
          loads++;
          return 1;
        }),
      ),
    );
    await eventually(() => cache.stats().remote.fills).toBe(1);
  });
  expect(loads).toBe(1);
  expect(byClients).toEqual(['mget 1', 'fill']);
});

describe('inside one script', () => {
  test('fifty deletes run as many commands as one', async () => {
    const one = await watchCommands(() => cache.delete('k'));
    const fifty = await watchCommands(() => cache.deleteMany(KEYS));
    expect(fifty.inScripts).toBe(one.inScripts);
  });

  test('every further set runs one: it stores', async () => {
    const one = await watchCommands(() => cache.set('k', 1));
    const fifty = await watchCommands(() => cache.setMany(KEYS.map((key) => ({ key, value: 1 }))));
    expect(fifty.inScripts - one.inScripts).toBe(KEYS.length - 1);
  });

  test('and another one, which looks at what is stored, where the lease is not the newest', async () => {
    const set = async (items: readonly { key: string; value: number }[]): Promise<void> => {
      // Both leave in one tick: when they are dated, neither knows of the other.
      await Promise.all([cache.delete('elsewhere'), cache.setMany(items)]);
    };
    const one = await watchCommands(() => set([{ key: 'k', value: 1 }]));
    const fifty = await watchCommands(() => set(KEYS.map((key) => ({ key, value: 1 }))));
    expect(fifty.inScripts - one.inScripts).toBe(2 * (KEYS.length - 1));
  });

  test('a large set runs one command more: its number is written in place', async () => {
    const value = 'x'.repeat(1_000);
    const small = await watchCommands(() => cache.set('k', 1));
    const large = await watchCommands(() => cache.set('k', value));
    const fifty = await watchCommands(() => cache.setMany(KEYS.map((key) => ({ key, value }))));
    expect(large.inScripts - small.inScripts).toBe(1);
    expect(fifty.inScripts - large.inScripts).toBe(2 * (KEYS.length - 1));
  });
});
