import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { killLinks, openCache, openClient, openReady, uniqueName } from './support/caches.ts';
import { ScriptPartition } from './support/script-partition.ts';
import { eventually } from './support/until.ts';

let server: Server;
let primary: Server;
let client: Redis;

beforeAll(async () => {
  [server, primary] = await Promise.all([
    startRedis({ args: ['--enable-debug-command', 'local'] }),
    startRedis({ args: ['--repl-diskless-sync-delay', '0'] }),
  ]);
});

afterAll(() => Promise.all([server.stop(), primary.stop()]));

beforeEach(() => {
  client = openClient(server.url);
  return async () => {
    await client.replicaof('NO', 'ONE');
  };
});

async function demote(): Promise<void> {
  await client.replicaof(primary.host, primary.port);
}

async function demoteAndSynchronise(): Promise<void> {
  await demote();
  await eventually(async () => String(await client.info('replication'))).toContain('master_link_status:up');
}

test('a replica refuses every script', async () => {
  const partition = new ScriptPartition(client, uniqueName());
  await partition.invalidate({ keys: ['k'] });
  // While it loads what the primary has, it refuses everything for another reason.
  await demoteAndSynchronise();

  const write = { key: 'k', epoch: 'e'.repeat(32), lease: 1 };
  await expect(partition.tail('', 0)).rejects.toThrow(/READONLY/);
  await expect(partition.invalidate({ keys: ['k'] })).rejects.toThrow(/READONLY/);
  await expect(partition.fill([write])).rejects.toThrow(/READONLY/);
  await expect(partition.set([write])).rejects.toThrow(/READONLY/);
  await expect(partition.adopt('a', 'b', 'c')).rejects.toThrow(/READONLY/);
});

test('a server that becomes a replica is not believed, and is used again once it is a primary', async () => {
  const cache = await openReady({ name: uniqueName(), coherence: { lease: '1s' } }, { url: server.url });
  await cache.set('k', 'old');
  await demoteAndSynchronise();

  await eventually(() => cache.health().state).toBe('offline');
  // Memory may still answer for as long as the entry is young.
  await eventually(() => cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await cache.delete('k')).toEqual({ delivered: false });

  await client.replicaof('NO', 'ONE');
  await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  expect(await cache.get('k')).toBeUndefined();
  expect(await cache.set('k', 'new')).toEqual({ stored: true, outdated: false, delivered: true });
});

test('a cache that only reads notices too, and reads the shared layer again afterwards', async () => {
  const name = uniqueName();
  const reader = openCache({ name, coherence: { lease: '1s' } }, { url: server.url });
  await reader.ready();
  await demote();
  await eventually(() => reader.health().state).toBe('offline');
  await client.replicaof('NO', 'ONE');
  await eventually(() => reader.health().state).toBe('coherent');

  await (await openReady({ name, coherence: { lease: '1s' } }, { url: server.url })).set('k', 'v');
  await eventually(() => reader.get('k')).toBe('v');
});

test('a connection left on a server that is no primary any more is given up, also by a cache that only reads', async () => {
  await using proxy = await FaultProxy.start({ target: server });
  const name = uniqueName();
  const reader = openCache({ name, coherence: { lease: '1s' } }, { url: proxy.url });
  await reader.ready();
  proxy.retarget(primary);
  await demoteAndSynchronise();
  await eventually(() => reader.health().state).toBe('coherent');

  await (await openReady({ name, coherence: { lease: '1s' } }, { url: primary.url })).set('k', 'v');
  await eventually(() => reader.get('k')).toBe('v');
  await eventually(async () => String(await client.client('LIST'))).not.toContain(`tierwise:${name}:`);
});

test('a connection left on another primary than the one that proves is given up', async () => {
  await using proxy = await FaultProxy.start({ target: server });
  const name = uniqueName();
  const reader = openCache({ name, coherence: { lease: '1s' } }, { url: proxy.url });
  await reader.ready();
  proxy.retarget(primary);
  expect(await killLinks(client, name, 'tail')).toBe(1);

  await (await openReady({ name, coherence: { lease: '1s' } }, { url: primary.url })).set('k', 'v');
  await eventually(() => reader.get('k')).toBe('v');
  await eventually(async () => String(await client.client('LIST'))).not.toContain(`tierwise:${name}:`);
});

test('a server that changes its replication id under its connections is followed', async () => {
  const name = uniqueName();
  const reader = await openReady({ name, coherence: { lease: '1s' } }, { url: server.url });
  await reader.set('k', 'old');
  await client.call('DEBUG', 'CHANGE-REPL-ID');
  expect(await killLinks(client, name, 'commands')).toBe(1);

  await eventually(() => reader.health().state).toBe('coherent');
  await eventually(async () => {
    await (await openReady({ name, coherence: { lease: '1s' } }, { url: server.url })).set('k', 'new');
    return reader.get('k');
  }).toBe('new');
});

test('a cache that only reads follows such a server too', async () => {
  const name = uniqueName();
  const reader = await openReady({ name, coherence: { lease: '1s' } }, { url: server.url });
  await reader.set('k', 'old');
  const before = await client.hget(`${name}#meta`, 'epoch');
  await client.call('DEBUG', 'CHANGE-REPL-ID');
  expect(await killLinks(client, name, 'commands')).toBe(1);

  await eventually(() => client.hget(`${name}#meta`, 'epoch')).not.toBe(before);
  await eventually(() => reader.health().state).toBe('coherent');
});

test('what was cached before the promotion is void', async () => {
  const name = uniqueName();
  await (await openReady({ name, coherence: { lease: '1s' } }, { url: server.url })).set('k', 'old');
  const before = await client.hget(`${name}#meta`, 'epoch');
  await client.replicaof(primary.host, primary.port);
  await client.replicaof('NO', 'ONE');

  const cache = openCache({ name, coherence: { lease: '1s' } }, { url: server.url });
  expect(await cache.get('k')).toBeUndefined();
  expect(await client.hget(`${name}#meta`, 'epoch')).not.toBe(before);
});

test('too few replicas refuse writes of the cache as they refuse all others', async () => {
  const cache = openCache({ name: uniqueName(), coherence: { lease: '1s' } }, { url: server.url });
  await cache.ready();
  await client.config('SET', 'min-replicas-to-write', '1');
  try {
    expect(await cache.delete('k')).toEqual({ delivered: false });
    await eventually(() => cache.health().state).toBe('suspect');
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  } finally {
    await client.config('SET', 'min-replicas-to-write', '0');
  }
  await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
});
