import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cache } from 'tierwise';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort, type Server, startRedis } from '../../../scripts/servers/index.ts';
import { openCache, openClient, share, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

const LEASE = { lease: '1s' } as const;

async function openServer(options: Parameters<typeof startRedis>[0] = {}): Promise<Server> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

/** Both have noticed that the state behind them is another one; before, they may answer from memory for Δ. */
async function caughtUp(...caches: readonly Cache[]): Promise<void> {
  for (const cache of caches) {
    await eventually(() => cache.stats().invalidations.resyncs).toBeGreaterThan(1);
    await eventually(() => cache.health().state).toBe('coherent');
  }
}

async function openDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tierwise-restart-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('a server that restarts empty is used again, and nothing older is served', async () => {
  const server = await openServer();
  const name = uniqueName();
  const remote = { url: server.url };
  const [one, two] = [openCache({ name, coherence: LEASE }, remote), openCache({ name, coherence: LEASE }, remote)];
  await share(one, [two], ['k', 'old']);

  await server.restart();
  await caughtUp(one, two);

  expect(await one.get('k')).toBeUndefined();
  expect(await two.get('k')).toBeUndefined();
  await eventually(async () => (await one.set('k', 'new')).stored).toBe(true);
  await eventually(() => two.get('k')).toBe('new');
});

test('a server that restarts from an older file serves nothing of it', async () => {
  const server = await openServer({ dir: await openDirectory() });
  const client = openClient(server.url);
  const name = uniqueName();
  const remote = { url: server.url };
  const [one, two] = [openCache({ name, coherence: LEASE }, remote), openCache({ name, coherence: LEASE }, remote)];
  await share(one, [two], ['deleted later', 'old']);
  await share(one, [two], ['tagged', 'old', ['t']]);
  await share(one, [two], ['untouched', 'old']);
  const epoch = await client.hget(`${name}#meta`, 'epoch');
  await client.save();
  await one.delete('deleted later');
  await one.invalidateTags(['t']);

  await server.restart();
  await caughtUp(one, two);

  const late = openCache({ name, coherence: LEASE }, remote);
  for (const cache of [one, two, late]) {
    expect(await cache.getMany(['deleted later', 'tagged', 'untouched'])).toEqual([undefined, undefined, undefined]);
  }
  const after = await client.hgetall(`${name}#meta`);
  expect(after['epoch']).not.toBe(epoch);
  expect(String(await client.info('replication'))).toContain(`master_replid:${after['timeline']}`);
  // The file was loaded: the old entries are there, only dead.
  expect(await client.exists(`${name}:untouched`)).toBe(1);
});

test('invalidations after such a restart are heard, though their numbers were used before', async () => {
  const server = await openServer({ dir: await openDirectory() });
  const client = openClient(server.url);
  const name = uniqueName();
  const remote = { url: server.url };
  const [one, two] = [openCache({ name, coherence: LEASE }, remote), openCache({ name, coherence: LEASE }, remote)];
  await Promise.all([one.ready(), two.ready()]);
  await one.set('k', 'v');
  await client.save();
  for (let i = 0; i < 10; i++) await one.delete('elsewhere');
  await server.restart();
  await caughtUp(one, two);

  for (let round = 0; round < 12; round++) {
    await eventually(async () => {
      await one.set('k', round);
      return two.get('k');
    }).toBe(round);
  }
});

test('a server that comes up after the cache did is found', async () => {
  const port = await findFreePort();
  const cache = openCache({ name: uniqueName(), coherence: LEASE }, { url: `redis://127.0.0.1:${port}` });
  expect((await cache.ready()).state).toBe('offline');
  expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await cache.delete('k')).toEqual({ delivered: false });

  await openServer({ port });

  await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  expect(await cache.set('k', 'v')).toEqual({ stored: true, outdated: false, delivered: true });
});

test('a delete while the server is away is told, covers own reads, and reaches the others when it is back', async () => {
  const server = await openServer({ dir: await openDirectory() });
  const name = uniqueName();
  const remote = { url: server.url };
  const [one, two] = [openCache({ name, coherence: LEASE }, remote), openCache({ name, coherence: LEASE }, remote)];
  await share(one, [two], ['k', 'old']);
  await share(one, [two], ['tagged', 'old', ['t']]);
  const states: string[] = [];
  for (const state of ['coherent', 'suspect', 'offline'] as const) one.on(state, () => states.push(state));

  await server.kill('SIGSTOP');
  expect(await one.delete('k')).toEqual({ delivered: false });
  expect(await one.invalidateTags(['t'])).toEqual({ delivered: false });
  expect(one.health()).toMatchObject({ journaled: 2 });
  expect(await one.getOrSet('k', () => 'new')).toBe('new');
  expect(await one.get('tagged')).toBeUndefined();
  await server.kill('SIGCONT');

  await eventually(() => one.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  await eventually(() => two.getMany(['k', 'tagged'])).toEqual([undefined, undefined]);
  expect(await two.getOrSet('k', () => 'new')).toBe('new');
  expect(states[0]).toBe('offline');
  expect(states.at(-1)).toBe('coherent');
});

test('while the server is away a key is loaded once at a time', async () => {
  const server = await openServer();
  const cache = openCache({ name: uniqueName(), coherence: LEASE }, { url: server.url });
  await cache.ready();
  await server.kill();
  await eventually(() => cache.health().state).toBe('offline');

  let running = 0;
  let mostAtOnce = 0;
  const load = async (): Promise<string> => {
    mostAtOnce = Math.max(mostAtOnce, ++running);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running--;
    return 'loaded';
  };
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => cache.getOrSet('k', load)));
  expect(new Set(answers)).toEqual(new Set(['loaded']));
  expect(mostAtOnce).toBe(1);
  expect(cache.stats().loads.started).toBe(1);
});
