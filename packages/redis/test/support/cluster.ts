import { isDeepStrictEqual } from 'node:util';
import type { Duration } from 'tierwise';
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
    // Where nobody could take over there is nothing to wait for, and a busy machine should not look like a loss.
    nodeTimeoutMs: replicas === 0 ? 10_000 : 2_000,
  });
}

export function remoteOf(
  cluster: RedisCluster,
  partitions: number,
  commandTimeout: Duration = '1s',
): RedisRemoteOptions {
  return { cluster: { nodes: cluster.addresses, partitions }, commandTimeout };
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
  const homes = (): Promise<ClusterNode[]> =>
    Promise.all(Array.from({ length: partitions }, (_, partition) => nodeOf(cluster, cacheName, partition)));
  const links = { commands: instances, tail: instances, bus: instances };
  await eventually(async () => {
    const serving = await homes();
    const strays = (await connectionsOf(cluster, cacheName)).map((roles, index) => {
      const expected = serving.some((node) => node.index === index) ? links : {};
      return isDeepStrictEqual(roles, expected) ? undefined : { index, roles, expected };
    });
    return strays.filter((stray) => stray !== undefined);
  }).toEqual([]);
  await eventually(async () => {
    const counts = (await homes()).map(async ({ client }, partition) => {
      const reply = (await client.call('PUBSUB', 'SHARDNUMSUB', `{${cacheName}.${partition}}#bus:0`)) as [
        string,
        number,
      ];
      return reply[1];
    });
    return new Set(await Promise.all(counts));
  }).toEqual(new Set([instances]));
}
