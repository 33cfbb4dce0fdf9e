import type { Redis } from 'ioredis';
import type { Cache } from 'tierwise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openCache, share, uniqueName } from './support/caches.ts';
import { Load } from './support/load.ts';
import { onServer, SentinelGroup } from './support/sentinels.ts';
import { eventually, pause, until } from './support/until.ts';

const LEASE_MS = 500;
/** `min-replicas-max-lag` of the group. */
const MAX_LAG_MS = 1_000;

let group: SentinelGroup;
let name: string;
let caches: readonly Cache[];

beforeAll(async () => {
  group = await SentinelGroup.start();
});

afterAll(() => group.stop());

beforeEach(async () => {
  await group.settled();
  name = uniqueName();
  caches = Array.from({ length: 3 }, () => openCache({ name, coherence: { lease: LEASE_MS } }, group.remote));
  await until('all are coherent', () => caches.every((cache) => cache.health().state === 'coherent'));
});

/** Waits until each cache has its three connections to the primary and none to any other server. */
async function expectAtHome(): Promise<void> {
  const primary = await group.primary();
  for (const server of group.servers) {
    await eventually(() =>
      onServer(server, async (client) => {
        const list = String(await client.client('LIST'));
        return [...list.matchAll(/ name=tierwise:(\S+) /g)].filter(([, text]) => text?.startsWith(`${name}:`)).length;
      }),
    ).toBe(server === primary ? 3 * caches.length : 0);
  }
}

test('a primary that is killed under load: the promoted replica is followed, and nothing older than the lease is served', async () => {
  const load = new Load(caches, LEASE_MS);
  await pause(500);
  const killed = await group.primary();
  await killed.kill();
  await eventually(() => caches.map((cache) => cache.health().state)).not.toContain('coherent');
  await group.tookOver(killed);
  await eventually(() => caches.map((cache) => cache.health())).toMatchObject(
    caches.map(() => ({ state: 'coherent', journaled: 0 })),
  );
  // For a while it takes itself for a primary still.
  await killed.restart();
  await pause(500);
  await load.settle();
  await expectAtHome();
});

test('a primary that is replaced while it lives: who is still connected to it does not believe it for long', async () => {
  const load = new Load(caches, LEASE_MS);
  await pause(500);
  await group.failOver();
  // The others hear of the new primary only when the old one is told that it is none any more.
  const newcomer = openCache({ name, coherence: { lease: LEASE_MS } }, group.remote);
  load.add(newcomer);
  await pause(4_000);
  await group.settled();
  await load.settle(LEASE_MS + MAX_LAG_MS + 1_000);
  caches = [...caches, newcomer];
  await expectAtHome();
});

test('clients that listen to what the Sentinels announce end up on the new primary', async () => {
  const options = { failoverDetector: true };
  const listeners = Array.from({ length: 2 }, () =>
    openCache({ name: `${name}-l`, coherence: { lease: LEASE_MS } }, { ...group.remote, options }),
  );
  await until('all are coherent', () => listeners.every((cache) => cache.health().state === 'coherent'));
  await group.failOver();
  const primary = await group.primary();
  const named = (client: Redis) =>
    client.client('LIST').then((list) => String(list).split(`tierwise:${name}-l:`).length - 1);
  await eventually(() => onServer(primary, named)).toBe(3 * listeners.length);
  await eventually(() => listeners.map((cache) => cache.health().state)).toEqual(listeners.map(() => 'coherent'));
});

test('the cache starts cold on the new primary, and what could not be delivered meanwhile is', async () => {
  const [one, two] = caches as [Cache, Cache];
  await share(one, [two], ['k', 'old']);
  const killed = await group.primary();
  const replicas = group.servers.filter((server) => server !== killed);
  for (const replica of replicas)
    await eventually(() => onServer(replica, (client) => client.exists(`${name}:k`))).toBe(1);

  await killed.kill();
  expect(await one.delete('k')).toEqual({ delivered: false });
  await eventually(() => one.health().state).toBe('offline');
  expect(await one.getOrSet('k', () => 'new')).toBe('new');

  await group.tookOver(killed);
  await eventually(() => [one.health(), two.health()]).toMatchObject([
    { state: 'coherent', journaled: 0 },
    { state: 'coherent', journaled: 0 },
  ]);
  expect(await two.get('k')).not.toBe('old');
  await eventually(async () => (await two.set('k', 'newer')).stored).toBe(true);
  await eventually(() => one.get('k')).toBe('newer');
  await killed.restart();
});
