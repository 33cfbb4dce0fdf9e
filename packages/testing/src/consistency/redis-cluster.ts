import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { monotonicMs, sleep } from '../clock.ts';
import type { LaunchedServer, Launcher } from './launcher.ts';

export interface RedisClusterOptions {
  readonly launch: Launcher;
  readonly primaries: number;
  /** Of each primary. */
  readonly replicas: number;
  /** After so long without an answer a node counts as lost, and its replica takes over. */
  readonly nodeTimeoutMs: number;
}

/** One node, in the order they were started: first the primaries, then their replicas. */
export interface ClusterNode {
  readonly index: number;
  readonly server: LaunchedServer;
  /** Where the nodes talk to each other. */
  readonly busPort: number;
  /** Reconnects by itself; commands fail at once while the node is away. */
  readonly client: Redis;
  readonly id: string;
  isRunning: boolean;
}

/** How one node sees itself or another. */
interface NodeView {
  readonly id: string;
  readonly flags: string;
  readonly primaryId: string;
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

const SLOTS = 16_384;
const TIMEOUT_MS = 30_000;
const COMMAND_TIMEOUT_MS = 5_000;
const POLL_MS = 20;
/** Keys of one MIGRATE: few, so that a slot is half moved for a while. */
const MIGRATE_KEYS = 4;

/** A Redis Cluster on loopback whose nodes may be killed, and whose slots may be moved. */
export class RedisCluster implements AsyncDisposable {
  readonly nodes: readonly ClusterNode[];

  private constructor(nodes: readonly ClusterNode[]) {
    this.nodes = nodes;
  }

  static async start({ launch, primaries, replicas, nodeTimeoutMs }: RedisClusterOptions): Promise<RedisCluster> {
    const count = primaries * (1 + replicas);
    const busPorts = await freePorts(count);
    const servers = await Promise.all(busPorts.map((port) => launch({ args: clusterArgs(port, nodeTimeoutMs) })));
    const nodes = await Promise.all(
      servers.map(async (server, index) => {
        const client = connect(server);
        return {
          index,
          server,
          busPort: busPorts[index] ?? 0,
          client,
          id: String(await client.cluster('MYID')),
          isRunning: true,
        };
      }),
    );
    const cluster = new RedisCluster(nodes);
    try {
      await cluster.#join(primaries);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get addresses(): { host: string; port: number }[] {
    return this.nodes.map(({ server: { host, port } }) => ({ host, port }));
  }

  /** The nodes that serve slots now, as the running nodes see it. */
  async primaries(): Promise<ClusterNode[]> {
    const [view] = await this.#views();
    const serving = (view ?? []).filter(({ ranges }) => ranges.length > 0).map(({ id }) => id);
    return this.nodes.filter(({ id }) => serving.includes(id));
  }

  async slotOf(key: string): Promise<number> {
    return Number(await this.#anyRunning().client.cluster('KEYSLOT', key));
  }

  /** The node that serves a slot, as the running nodes see it. */
  async ownerOf(slot: number): Promise<ClusterNode> {
    const [view] = await this.#views();
    const owner = view?.find(({ ranges }) => ranges.some(([from, to]) => from <= slot && slot <= to));
    const node = this.nodes.find(({ id }) => id === owner?.id);
    if (node === undefined) throw new Error(`nobody serves slot ${slot}`);
    return node;
  }

  /** A replica of `primary` that could take over. */
  async replicaOf(primary: ClusterNode): Promise<ClusterNode> {
    const [view] = await this.#views();
    const ids = (view ?? []).filter(({ primaryId }) => primaryId === primary.id).map(({ id }) => id);
    const node = this.nodes.find(({ id, isRunning }) => isRunning && ids.includes(id));
    if (node === undefined) throw new Error('the primary has no replica');
    return node;
  }

  /** Kills a node; resolves when it is gone. */
  async kill(node: ClusterNode): Promise<void> {
    node.isRunning = false;
    await node.server.kill('SIGKILL');
  }

  /** Starts a killed node again; it comes back as what the others take it for. */
  async restart(node: ClusterNode): Promise<void> {
    await node.server.restart();
    node.isRunning = true;
  }

  /** Has a replica take over from its living primary, in step with it. */
  async failOver(primary: ClusterNode): Promise<void> {
    const replica = await this.replicaOf(primary);
    await replica.client.cluster('FAILOVER');
    await this.#until('the replica took over', async () => (await this.primaries()).includes(replica));
  }

  /** Moves a slot, a few keys at a time, with a pause before each step. */
  async moveSlot(slot: number, target: ClusterNode, pauseMs: number): Promise<void> {
    const source = await this.ownerOf(slot);
    if (source === target) return;
    await target.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id);
    await source.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
    const { host, port } = target.server;
    for (;;) {
      await sleep(pauseMs);
      const keys = (await source.client.call('CLUSTER', 'GETKEYSINSLOT', slot, MIGRATE_KEYS)) as string[];
      if (keys.length === 0) break;
      await source.client.call('MIGRATE', host, port, '', 0, COMMAND_TIMEOUT_MS, 'KEYS', ...keys);
    }
    // The new node first: until the old one has heard it sends clients on, and nobody serves the slot twice.
    for (const { client } of [target, source, ...(await this.primaries())]) {
      await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', target.id);
    }
    await this.#until('every node knows of the move', async () =>
      (await this.#owners(slot)).every((id) => id === target.id),
    );
  }

  /** Resolves when all nodes run, agree, and every primary has a replica in step with it, if it ever had one. */
  async settled(): Promise<void> {
    await this.#until('the cluster has settled', () => this.#isSettled());
  }

  /** Resolves when another node has taken over the slots of a killed one. */
  async tookOver(killed: ClusterNode): Promise<void> {
    await this.#until('a replica took over', async () => {
      const views = await this.#views();
      return views.every((view) => {
        const serving = view.filter(({ ranges }) => ranges.length > 0);
        return serving.every(({ id }) => id !== killed.id) && coverAll(serving);
      });
    });
  }

  async stop(): Promise<void> {
    for (const { client } of this.nodes) client.disconnect();
    await Promise.all(this.nodes.map(({ server }) => server.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #join(primaries: number): Promise<void> {
    const share = Math.ceil(SLOTS / primaries);
    for (const { index, client } of this.nodes) {
      if (index < primaries) {
        await client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, Math.min(SLOTS, (index + 1) * share) - 1);
      }
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      // All pairs: gossip would take seconds to introduce them to each other.
      for (const other of this.nodes.slice(0, index)) {
        await client.call('CLUSTER', 'MEET', other.server.host, other.server.port, other.busPort);
      }
    }
    await this.#until('all nodes know each other', async () => {
      const views = await this.#views();
      return views.every(
        (view) => view.length === this.nodes.length && !view.some(({ flags }) => /handshake/.test(flags)),
      );
    });
    for (const { index, client } of this.nodes.slice(primaries)) {
      await client.cluster('REPLICATE', this.nodes[index % primaries]?.id ?? '');
    }
    await this.settled();
  }

  async #isSettled(): Promise<boolean> {
    const views = await this.#views();
    if (views.length < this.nodes.length) return false;
    for (const view of views) {
      if (view.some(({ flags }) => /(^|,)(fail\??|handshake|noaddr)(,|$)/.test(flags)) || !coverAll(view)) return false;
    }
    const states = await Promise.all(
      this.nodes.map(async ({ client }) => [await client.cluster('INFO'), await client.info('replication')] as const),
    );
    return states.every(
      ([cluster, replication]) =>
        /cluster_state:ok/.test(cluster) &&
        (/role:master/.test(replication) || /master_link_status:up/.test(replication)),
    );
  }

  /** Whom each running primary takes for the owner of a slot. */
  async #owners(slot: number): Promise<(string | undefined)[]> {
    const views = await this.#views();
    return views.map((view) => view.find(({ ranges }) => ranges.some(([from, to]) => from <= slot && slot <= to))?.id);
  }

  /** The whole cluster as each running node sees it; a node that does not answer sees nothing. */
  async #views(): Promise<NodeView[][]> {
    const running = this.nodes.filter(({ isRunning }) => isRunning);
    const texts = await Promise.all(running.map(({ client }) => client.cluster('NODES').catch(() => undefined)));
    return texts.filter((text) => text !== undefined).map((text) => parseNodes(String(text)));
  }

  #anyRunning(): ClusterNode {
    const node = this.nodes.find(({ isRunning }) => isRunning);
    if (node === undefined) throw new Error('no node is running');
    return node;
  }

  async #until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    const deadlineMs = monotonicMs() + TIMEOUT_MS;
    while (!(await isTrue().catch(() => false))) {
      if (monotonicMs() > deadlineMs) throw new Error(`${what}: not within ${TIMEOUT_MS} ms`);
      await sleep(POLL_MS);
    }
  }
}

function clusterArgs(busPort: number, nodeTimeoutMs: number): string[] {
  return [
    ...['--cluster-enabled', 'yes'],
    // By default 10,000 above the port, which may be no port at all.
    ...['--cluster-port', String(busPort)],
    ...['--cluster-node-timeout', String(nodeTimeoutMs)],
    ...['--cluster-replica-validity-factor', '0'],
    ...['--repl-diskless-sync', 'yes'],
    ...['--repl-diskless-sync-delay', '0'],
  ];
}

function connect({ host, port }: LaunchedServer): Redis {
  const client = new Redis({
    host,
    port,
    replyMapping: 'legacy',
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
  });
  client.on('error', () => {});
  return client;
}

/** Lines of CLUSTER NODES: id, address, flags, id of the primary, ping, pong, epoch, link, slots. */
function parseNodes(text: string): NodeView[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', , flags = '', primaryId = '', , , , , ...slots] = line.split(' ');
      const ranges = slots
        .filter((slot) => !slot.startsWith('['))
        .map((slot) => slot.split('-').map(Number))
        .map(([from = 0, to = from]) => [from, to] as const);
      return { id, flags, primaryId, ranges };
    });
}

function coverAll(view: readonly NodeView[]): boolean {
  const covered = view.flatMap(({ ranges }) => ranges).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return covered === SLOTS;
}

/** Ports that are free together, for what finds none by itself. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
