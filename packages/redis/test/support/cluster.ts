import { startRedis } from '../../../../scripts/servers/index.ts';
import { type ClusterNode, RedisCluster } from '../../../testing/src/consistency/redis-cluster.ts';
import type { RedisRemoteOptions } from '../../src/index.ts';
import { eventually } from './until.ts';

/** Three primaries, each with as many replicas. */
export function startCluster(replicas: number): Promise<RedisCluster> {
  return RedisCluster.start({
    launch: ({ args }) => startRedis({ args }),
    primaries: 3,
    replicas,
    nodeTimeoutMs: 1_500,
  });
}

export function remoteOf(cluster: RedisCluster, partitions: number): RedisRemoteOptions {
  return { cluster: { nodes: cluster.addresses, partitions } };
}

/** Every key of the cluster that begins with `start`. */
export async function keysOf(cluster: RedisCluster, start: string): Promise<string[]> {
  const primaries = await cluster.primaries();
  const found = await Promise.all(primaries.map(({ client }) => client.keys(`${start}*`)));
  return found.flat().sort();
}

/** The node that serves a partition of a cache. */
export async function nodeOf(cluster: RedisCluster, cacheName: string, partition: number): Promise<ClusterNode> {
  return cluster.ownerOf(await cluster.slotOf(`{${cacheName}.${partition}}`));
}

/** The connections of a cache that each node has, of each role. */
export async function connectionsOf(cluster: RedisCluster, cacheName: string): Promise<Record<string, number>[]> {
  return Promise.all(
    cluster.nodes.map(async ({ client }) => {
      const roles: Record<string, number> = {};
      for (const [, role = ''] of String(await client.client('LIST')).matchAll(/ name=tierwise:(\S+) /g)) {
        if (role.startsWith(`${cacheName}:`)) {
          const name = role.slice(cacheName.length + 1);
          roles[name] = (roles[name] ?? 0) + 1;
        }
      }
      return roles;
    }),
  );
}

/**
 * Waits until `instances` caches of this name have their connections where their partitions are and nowhere else: three to
 * each primary that serves one, and each channel subscribed there.
 */
export async function expectAtHome(
  cluster: RedisCluster,
  cacheName: string,
  instances: number,
  partitions: number,
): Promise<void> {
  const homes = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => nodeOf(cluster, cacheName, partition)),
  );
  const expected = cluster.nodes.map((node) =>
    homes.includes(node) ? { commands: instances, tail: instances, bus: instances } : {},
  );
  await eventually(() => connectionsOf(cluster, cacheName)).toEqual(expected);
  for (const [partition, { client }] of homes.entries()) {
    const channel = `{${cacheName}.${partition}}#bus:0`;
    await eventually(() => client.call('PUBSUB', 'SHARDNUMSUB', channel)).toEqual([channel, instances]);
  }
}
