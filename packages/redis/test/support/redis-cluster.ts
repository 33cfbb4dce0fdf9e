import { Redis } from 'ioredis';
import { type Server, startRedis } from '../../../../scripts/servers/index.ts';
import { until } from './until.ts';

const SLOTS = 16_384;

/** A Redis Cluster of a few primaries on loopback, without replicas. */
export class RedisCluster implements AsyncDisposable {
  readonly servers: readonly Server[];
  /** A plain client for each node, in the order of `servers`. */
  readonly clients: readonly Redis[];

  private constructor(servers: readonly Server[]) {
    this.servers = servers;
    this.clients = servers.map(({ host, port }) => {
      const client = new Redis({ host, port, replyMapping: 'legacy' });
      client.on('error', () => {});
      return client;
    });
  }

  static async start(primaries: number): Promise<RedisCluster> {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const servers = await Promise.all(Array.from({ length: primaries }, () => startRedis({ args })));
    const cluster = new RedisCluster(servers);
    await cluster.#join();
    return cluster;
  }

  get nodes(): { host: string; port: number }[] {
    return this.servers.map(({ host, port }) => ({ host, port }));
  }

  /** Every key of the cluster that begins with `start`. */
  async keys(start: string): Promise<string[]> {
    const found = await Promise.all(this.clients.map((client) => client.keys(`${start}*`)));
    return found.flat().sort();
  }

  /** The index of the node that serves a key. */
  async ownerOf(key: string): Promise<number> {
    const [client] = this.clients as [Redis];
    const slot = Number(await client.cluster('KEYSLOT', key));
    const ranges = (await client.cluster('SLOTS')) as unknown as [number, number, [string, number]][];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    return this.servers.findIndex(({ port }) => port === range?.[2][1]);
  }

  /** Moves the slot of a key, with all keys in it, to another node. */
  async moveSlotOf(key: string, to: number): Promise<void> {
    const from = await this.ownerOf(key);
    const [source, target] = [this.clients[from] as Redis, this.clients[to] as Redis];
    const slot = Number(await source.cluster('KEYSLOT', key));
    const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
    for (;;) {
      const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
      if (keys.length === 0) break;
      const { host, port } = this.servers[to] as Server;
      await source.call('MIGRATE', host, port, '', 0, 5_000, 'KEYS', ...keys);
    }
    for (const client of [target, source]) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
    for (const client of this.clients) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId).catch(() => {});
    await until('every node knows of the move', async () => (await this.ownerOf(key)) === to);
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #join(): Promise<void> {
    const share = Math.ceil(SLOTS / this.servers.length);
    for (const [index, client] of this.clients.entries()) {
      await client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, Math.min(SLOTS, (index + 1) * share) - 1);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    }
    const [first] = this.clients as [Redis];
    for (const { host, port } of this.servers.slice(1)) await first.call('CLUSTER', 'MEET', host, port);
    await until('the cluster is up', async () => {
      const infos = await Promise.all(this.clients.map((client) => client.cluster('INFO')));
      return infos.every(
        (info) => /cluster_state:ok/.test(info) && info.includes(`cluster_known_nodes:${this.servers.length}`),
      );
    });
  }
}
