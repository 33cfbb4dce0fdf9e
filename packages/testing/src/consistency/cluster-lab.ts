import type { Redis } from 'ioredis';
import { monotonicMs } from '../clock.ts';
import { FaultProxy } from '../proxy/fault-proxy.ts';
import type { SeededRandom } from '../random.ts';
import type { Lab, RemoteAddress } from './lab.ts';
import type { Launcher } from './launcher.ts';
import { RedisCluster } from './redis-cluster.ts';

export interface ClusterLabOptions {
  readonly launch: Launcher;
  readonly instances: number;
  readonly partitions: number;
  readonly random: SeededRandom;
}

const PRIMARIES = 3;
const NODE_TIMEOUT_MS = 1_500;
const HOST = '127.0.0.1';

/** A cluster of three primaries with a replica each, and one proxy in front of each node for each instance. */
export class ClusterLab implements Lab {
  readonly cluster: RedisCluster;
  readonly proxies: readonly (readonly FaultProxy[])[];
  readonly #partitions: number;
  readonly #random: SeededRandom;

  private constructor(
    cluster: RedisCluster,
    proxies: readonly (readonly FaultProxy[])[],
    { partitions, random }: ClusterLabOptions,
  ) {
    this.cluster = cluster;
    this.proxies = proxies;
    this.#partitions = partitions;
    this.#random = random;
  }

  static async open(options: ClusterLabOptions): Promise<ClusterLab> {
    const { launch, instances, random } = options;
    const cluster = await RedisCluster.start({
      launch,
      primaries: PRIMARIES,
      replicas: 1,
      nodeTimeoutMs: NODE_TIMEOUT_MS,
    });
    const proxies = await Promise.all(
      Array.from({ length: instances }, () =>
        Promise.all(cluster.addresses.map((target) => FaultProxy.start({ target, seed: random.below(2 ** 31) }))),
      ),
    );
    return new ClusterLab(cluster, proxies, options);
  }

  remoteOf(index: number): RemoteAddress {
    const proxies = this.proxies[index] ?? [];
    const nodes = proxies.map(({ port }) => ({ host: HOST, port }));
    const natMap = Object.fromEntries(
      this.cluster.addresses.map(({ host, port }, node) => [`${host}:${port}`, nodes[node] ?? { host, port }]),
    );
    return { cluster: { nodes, natMap, partitions: this.#partitions } };
  }

  async onPrimaries<T>(commands: (client: Redis) => Promise<T>): Promise<T[]> {
    const primaries = await this.cluster.primaries();
    return Promise.all(primaries.map(({ client }) => commands(client)));
  }

  base(cacheName: string): string {
    return `{${cacheName}.${this.#random.below(this.#partitions)}}`;
  }

  async remove(names: readonly string[]): Promise<void> {
    const owner = await this.cluster.ownerOf(await this.cluster.slotOf(names[0] ?? ''));
    await owner.client.del(...names);
  }

  /** Kills a primary; a replica takes over, and the killed node comes back as a replica of it. Answers how long that took. */
  async failOver(): Promise<number> {
    const killed = this.#random.pick(await this.cluster.primaries());
    const beganMs = monotonicMs();
    await this.cluster.kill(killed);
    let tookMs: number;
    try {
      await this.cluster.tookOver(killed);
      tookMs = monotonicMs() - beganMs;
    } finally {
      // A run goes on after a fault that could not be done, and with all nodes.
      await this.cluster.restart(killed);
    }
    await this.cluster.settled();
    return tookMs;
  }

  /** Moves the slots of some partitions to other nodes, slowly. Answers how many. */
  async migrate(cacheName: string): Promise<number> {
    const primaries = await this.cluster.primaries();
    const count = 1 + this.#random.below(3);
    for (let i = 0; i < count; i++) {
      const slot = await this.cluster.slotOf(this.base(cacheName));
      await this.cluster.moveSlot(slot, this.#random.pick(primaries), this.#random.between(0, 30));
    }
    return count;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.proxies.flat().map((proxy) => proxy.stop()));
    await this.cluster.stop();
  }
}
