import type { Cache } from 'tierwise';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RedisCluster } from '../../testing/src/consistency/redis-cluster.ts';
import { openCache, uniqueName } from './support/caches.ts';
import { expectAtHome, nodeOf, remoteOf, startCluster } from './support/cluster.ts';
import { Load } from './support/load.ts';
import { eventually, pause, until } from './support/until.ts';

const PARTITIONS = 8;
const LEASE_MS = 600;

let cluster: RedisCluster;
let name: string;
let caches: readonly Cache[];
let load: Load;

beforeAll(async () => {
  cluster = await startCluster(1);
}, 60_000);

afterAll(() => cluster.stop());

beforeEach(async () => {
  await cluster.settled();
  name = uniqueName();
  caches = Array.from({ length: 3 }, () =>
    openCache({ name, coherence: { lease: LEASE_MS } }, remoteOf(cluster, PARTITIONS)),
  );
  await until('all are coherent', () => caches.every((cache) => cache.health().state === 'coherent'));
  load = new Load(caches, LEASE_MS);
  await pause(500);
});

async function expectRecovered(): Promise<void> {
  await load.settle();
  await expectAtHome(cluster, name, caches.length, PARTITIONS);
}

test('a primary that is killed under load: its replica is followed, and nothing older than the lease is served', async () => {
  const killed = await nodeOf(cluster, name, 0);
  await cluster.kill(killed);
  await until('the loss is noticed', () => caches.every((cache) => cache.health().state !== 'coherent'));
  await cluster.tookOver(killed);
  await eventually(() => caches.map((cache) => cache.health())).toMatchObject(
    caches.map(() => ({ state: 'coherent', journaled: 0 })),
  );
  await cluster.restart(killed);
  await cluster.settled();
  await expectRecovered();
});

test('primaries that hand over to their replicas under load, one after the other', async () => {
  for (const primary of await cluster.primaries()) {
    await cluster.failOver(primary);
    await pause(200);
  }
  await cluster.settled();
  await expectRecovered();
});

test('14: slots that move under load take their partitions along, there and back', async () => {
  const primaries = await cluster.primaries();
  for (const step of [1, 2, 0]) {
    for (const partition of [0, 1, 2]) {
      const target = primaries[(partition + step) % primaries.length];
      if (target !== undefined) await cluster.moveSlot(await cluster.slotOf(`{${name}.${partition}}`), target, 15);
    }
  }
  await expectRecovered();
});

test('a slot that rests half moved costs its partition the shared cache and nothing else', async () => {
  const source = await nodeOf(cluster, name, 0);
  const target = (await cluster.primaries()).find((node) => node !== source);
  const slot = await cluster.slotOf(`{${name}.0}`);
  if (target === undefined) throw new Error('a cluster has several primaries');
  await target.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
  await source.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
  const { host, port } = target.server;
  await source.client.call('MIGRATE', host, port, `{${name}.0}#meta`, 0, 5_000);
  await until('no proof is left', () => caches.every((cache) => cache.health().state !== 'coherent'));
  await eventually(() => caches.map((cache) => cache.health().state)).toEqual(caches.map(() => 'suspect'));

  await cluster.moveSlot(slot, target, 0);
  await expectRecovered();
});

test('a cluster of which a part is lost refuses everything, and is used again as soon as it answers', async () => {
  const primaries = await cluster.primaries();
  for (const { client } of cluster.nodes) await client.config('SET', 'cluster-replica-no-failover', 'yes');
  const killed = await nodeOf(cluster, name, 0);
  await cluster.kill(killed);
  await until('the others refuse', async () => {
    const infos = await Promise.all(
      primaries.filter((node) => node !== killed).map(({ client }) => client.cluster('INFO')),
    );
    return infos.every((info) => /cluster_state:fail/.test(info));
  });
  await eventually(() => caches.map((cache) => cache.health().state)).not.toContain('coherent');
  expect(await caches[0]?.getOrSet('other', () => 'loaded')).toBe('loaded');
  await cluster.restart(killed);
  await cluster.settled();
  for (const { client } of cluster.nodes) await client.config('SET', 'cluster-replica-no-failover', 'no');
  await expectRecovered();
});
