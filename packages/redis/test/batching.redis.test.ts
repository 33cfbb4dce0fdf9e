import type { Redis } from 'ioredis';
import type { Cache } from 'tierwise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { openCache, openClient, uniqueName } from './support/caches.ts';
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
  const name = uniqueName();
  // A long lease, so that no tail of the timer falls into a count.
  const options = { name, coherence: { lease: '10m' } } as const;
  const remote = { url: server.url, commandTimeout: '1m' } as const;
  [cache, other] = [openCache(options, remote), openCache(options, remote)];
  await cache.ready();
  await other.ready();
});

/** The addresses that connections have whose names end like this. */
async function addressesOf(ending: string): Promise<Set<string>> {
  const lines = String(await client.client('LIST')).split('\n');
  const named = lines.filter((line) => new RegExp(` name=\\S*${ending} `).test(line));
  return new Set(named.map((line) => / addr=(\S+)/.exec(line)?.[1] ?? ''));
}

/**
 * How often the server was sent each command while `work` ran, over the connections for commands: a bus that comes up late
 * has a tail sent on its own account.
 */
async function countCommands(work: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.client('SETNAME', 'test:commands');
  const counted = await addressesOf(':commands');
  return countAll(work, (source) => counted.has(source));
}

/** How often the server was sent each command while `work` ran; those inside scripts are not counted. */
async function countAll(
  work: () => Promise<unknown>,
  isCounted: (source: string) => boolean = (source) => source !== 'lua',
): Promise<Record<string, number>> {
  const sent: Record<string, number> = {};
  await monitored(client, work, (name, _args, source) => {
    if (isCounted(source)) sent[name] = (sent[name] ?? 0) + 1;
  });
  return sent;
}

test('reads of one tick are one MGET', async () => {
  await cache.setMany(KEYS.map((key) => ({ key, value: key })));

  const sent = await countCommands(async () => {
    expect(await Promise.all(KEYS.map((key) => other.get(key)))).toEqual(KEYS);
  });
  expect(sent).toEqual({ mget: 1 });
});

test('a miss of getOrSet and a getMany in the same tick share it too', async () => {
  const sent = await countCommands(async () => {
    await Promise.all([cache.getMany(KEYS), cache.get('one more'), cache.getOrSet('loaded', () => 1)]);
    await eventually(() => cache.stats().remote.fills).toBe(1);
  });
  // The fill of the loaded value is the second command.
  expect(sent).toEqual({ mget: 1, evalsha: 1 });
});

test('what memory holds asks nobody', async () => {
  const results = await cache.setMany(KEYS.map((key) => ({ key, value: key })));
  expect(results).toEqual(KEYS.map(() => ({ stored: true, outdated: false, delivered: true })));
  expect(await countCommands(() => Promise.all(KEYS.map((key) => cache.get(key))))).toEqual({});
});

test('writes of one tick are one script call for each kind', async () => {
  expect(await countCommands(() => Promise.all(KEYS.map((key) => cache.set(key, key))))).toEqual({ evalsha: 1 });
  expect(await countCommands(() => Promise.all(KEYS.map((key) => cache.delete(key))))).toEqual({ evalsha: 1 });
  expect(await countCommands(() => Promise.all(KEYS.map((tag) => cache.invalidateTags([tag]))))).toEqual({
    evalsha: 1,
  });
});

test('loads that end in one tick are one fill', async () => {
  const sent = await countCommands(async () => {
    await Promise.all(KEYS.map((key) => cache.getOrSet(key, () => key)));
    await eventually(() => cache.stats().remote.fills).toBe(KEYS.length);
  });
  expect(sent).toEqual({ mget: 1, evalsha: 1 });
});

test('fifty sets are one event', async () => {
  const before = Number(await client.hget(`${cache.name}#meta`, 'seq'));
  await Promise.all(KEYS.map((key) => cache.set(key, key)));
  expect(Number(await client.hget(`${cache.name}#meta`, 'seq'))).toBe(before + 1);
});

test('more than a call may hold is split, and every key arrives', async () => {
  const many = Array.from({ length: 1_201 }, (_, index) => `many:${index}`);
  const sets = await countCommands(() => Promise.all(many.map((key) => cache.set(key, key))));
  expect(sets).toEqual({ evalsha: 3 });
  const reads = await countCommands(async () => expect(await other.getMany(many)).toEqual(many));
  expect(reads).toEqual({ mget: 3 });
  const deletes = await countCommands(() => cache.deleteMany(many));
  expect(deletes).toEqual({ evalsha: 3 });
  expect(await other.getMany(many)).toEqual(many.map(() => undefined));
});

test('nothing the cache does walks over keys or flushes', async () => {
  const sent = await countAll(async () => {
    const name = uniqueName();
    const fresh = openCache({ name, coherence: { lease: '500ms' } }, { url: server.url });
    await fresh.ready();
    await fresh.set('k', 1, { tags: ['t'] });
    await fresh.getOrSet('l', () => 2);
    await fresh.invalidateTags(['t']);
    await fresh.invalidatePrefix('user:');
    await fresh.namespace('eu').clear();
    await fresh.clear();
    await client.script('FLUSH');
    await client.del(`${name}#meta`);
    await fresh.getOrSet('m', () => 3);
    await eventually(() => fresh.stats().invalidations.resyncs).toBeGreaterThan(1);
    await fresh.close();
  });
  const own = new Set(Object.keys(sent));
  for (const name of ['keys', 'scan', 'flushall', 'flushdb', 'hscan', 'config', 'psubscribe']) {
    expect(own).not.toContain(name);
  }
});
