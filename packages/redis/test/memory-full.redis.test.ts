import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { openCache, openClient, share, uniqueName } from './support/caches.ts';
import { ScriptPartition } from './support/script-partition.ts';
import { eventually } from './support/until.ts';

const EPOCH = 'e'.repeat(32);

let server: Server;
let client: Redis;

beforeAll(async () => {
  server = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] });
});

afterAll(() => server.stop());

beforeEach(() => {
  client = openClient(server.url);
  return async () => {
    await setFull(false);
  };
});

async function setFull(isFull: boolean): Promise<void> {
  await client.config('SET', 'maxmemory', isFull ? '1' : '0');
}

test('invalidate, tail and adopt work, fill and set are refused and change nothing', async () => {
  const partition = new ScriptPartition(client, uniqueName());
  await partition.invalidate({ tags: ['t'] }, EPOCH);
  await partition.fill([{ key: 'old', epoch: EPOCH, lease: 1 }]);
  await setFull(true);
  const before = await partition.state();

  await expect(partition.fill([{ key: 'k', epoch: EPOCH, lease: 1 }])).rejects.toThrow(/^OOM /);
  await expect(partition.set([{ key: 'k', epoch: EPOCH, lease: 1 }])).rejects.toThrow(/^OOM /);
  expect(await partition.state()).toEqual(before);

  expect(await partition.invalidate({ keys: ['old'], tags: ['u'] })).toEqual(['OK', EPOCH, 2]);
  expect(await partition.stored('old')).toBeNull();
  expect((await partition.tail(EPOCH, 1)).slice(5)).toEqual(['EVENTS', 2, '{"k":["old"],"t":["u"]}']);
  expect((await partition.tail('', 0))[5]).toBe('SNAPSHOT');
  expect(await partition.adopt('a'.repeat(40), 'f'.repeat(32), 'b'.repeat(40))).toEqual(['OK', 'f'.repeat(32)]);
});

test('a cache that starts on a full server is coherent and invalidates', async () => {
  await setFull(true);
  const name = uniqueName();
  const [one, two] = [openCache({ name }, { url: server.url }), openCache({ name }, { url: server.url })];

  expect((await one.ready()).state).toBe('coherent');
  expect((await two.ready()).state).toBe('coherent');
  expect(await one.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await two.delete('k')).toEqual({ delivered: true });
  await eventually(() => one.peek('k')).toBeUndefined();
});

test('a load is answered and kept in memory, and its key still hears of invalidations', async () => {
  const name = uniqueName();
  const [one, two] = [openCache({ name }, { url: server.url }), openCache({ name }, { url: server.url })];
  await Promise.all([one.ready(), two.ready()]);
  await setFull(true);

  expect(await one.getOrSet('k', () => 'first')).toBe('first');
  await eventually(() => one.stats().remote.writeErrors).toBe(1);
  expect(await one.getOrSet('k', () => 'not asked')).toBe('first');
  await two.delete('k');
  await eventually(() => one.getOrSet('k', () => 'second')).toBe('second');
});

test('a set that is refused is told, forgets the old value everywhere, and is not repeated', async () => {
  const name = uniqueName();
  const options = { name, coherence: { lease: '3s' } } as const;
  const [one, two] = [openCache(options, { url: server.url }), openCache(options, { url: server.url })];
  await share(one, [two], ['k', 'old']);
  await setFull(true);

  expect(await one.set('k', 'new')).toEqual({ stored: false, outdated: false, delivered: false });

  expect(await one.get('k')).toBeUndefined();
  expect(await one.getOrSet('k', () => 'loaded')).toBe('loaded');
  // Beside the set: what was loaded is refused or not sent at all, and must not come once there is room.
  await eventually(() => one.stats().remote.writeErrors + one.stats().loads.unkept).toBeGreaterThan(1);
  await eventually(() => one.health().journaled).toBe(0);
  await eventually(() => two.peek('k')).toBeUndefined();
  await setFull(false);
  expect(await client.exists(`${name}:k`)).toBe(0);
  expect(await two.get('k')).toBeUndefined();
});

// Symptom: a call that had been refused covered the key, and dropped what a later set stored, until the next beat or longer.
test('a set that is stored is what the caller reads next, though an older one could not be delivered', async () => {
  const options = { name: uniqueName(), coherence: { lease: '30s' } } as const;
  const cache = openCache(options, { url: server.url });
  await cache.ready();
  await setFull(true);
  expect(await cache.set('k', 'refused')).toEqual({ stored: false, outdated: false, delivered: false });
  await setFull(false);

  // Sets may still conflict with the delivery of the refused one, which does not wait for a beat of ten seconds.
  await eventually(async () => {
    await cache.set('k', 'new');
    return cache.get('k');
  }).toBe('new');
});
