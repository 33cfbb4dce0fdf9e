import type { Redis } from 'ioredis';
import { CacheError, type Clock } from 'tierwise/driver';
import { failureMessage, withoutArguments } from './client-errors.ts';
import { addressText, type NodeAddress } from './node-address.ts';
import type { ConnectionOverrides, ResolvedRedisOptions } from './options.ts';

type SlotRange = readonly [from: number, to: number, primary: NodeAddress];

/** Who serves which slots, as one node told it. */
interface Told {
  readonly isOk: boolean;
  readonly ranges: readonly SlotRange[];
  /** All nodes, replicas included. */
  readonly nodes: readonly NodeAddress[];
}

/** Asks a cluster who serves what; remembers its nodes, so that those given at first need not live for ever. */
export class ClusterTopology {
  readonly #source: ResolvedRedisOptions;
  readonly #overrides: ConnectionOverrides;
  readonly #clock: Clock;
  /** Where to ask, the one that answered last first. */
  #nodes: readonly NodeAddress[] = [];

  constructor(source: ResolvedRedisOptions, overrides: ConnectionOverrides, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#overrides = overrides;
  }

  /**
   * The primary of a slot, as a function, from the first node that answers and knows of no failure; else from the first
   * that answers. One connection at a time, each within the deadline.
   *
   * @throws {CacheError} `REMOTE_UNAVAILABLE` when no node answers
   */
  async lookUp(): Promise<(slot: number) => NodeAddress | undefined> {
    let second: Told | undefined;
    let cause: unknown;
    for (const node of distinct([...this.#nodes, ...this.#source.seeds()])) {
      try {
        const told = await this.#ask(node);
        this.#nodes = distinct([node, ...told.nodes]);
        if (told.isOk) return finder(told);
        second ??= told;
      } catch (error) {
        cause = error;
      }
    }
    if (second !== undefined) return finder(second);
    const message = failureMessage(cause, 'no node of the cluster tells who serves what');
    throw new CacheError('REMOTE_UNAVAILABLE', message, {}, { cause });
  }

  async #ask(node: NodeAddress): Promise<Told> {
    const client = this.#source.create({ ...this.#overrides, ...node });
    // The call that a lost connection ends says only that it ended.
    let reason: unknown;
    client.on('error', (error) => {
      reason = error;
    });
    const deadline = this.#clock.after(this.#source.deadlineMs, () => client.disconnect());
    try {
      await client.connect();
      return await askNode(client, node, this.#source.reach);
    } catch (error) {
      throw withoutArguments(reason ?? error);
    } finally {
      deadline.cancel();
      client.disconnect();
    }
  }
}

async function askNode(client: Redis, asked: NodeAddress, reach: ResolvedRedisOptions['reach']): Promise<Told> {
  const [info, slots] = await Promise.all([client.cluster('INFO'), client.cluster('SLOTS')]);
  type Node = readonly [host: string | null, port: number];
  // A node that does not know its own address names itself by none, and is where it was asked.
  const addressOf = ([host, port]: Node): NodeAddress =>
    host === '' || host === null ? { host: asked.host, port } : reach({ host, port });
  const ranges = (slots as unknown as readonly [number, number, Node, ...Node[]][]).map(
    ([from, to, ...nodes]) => [from, to, nodes.map(addressOf)] as const,
  );
  return {
    isOk: /^cluster_state:ok\r?$/m.test(info),
    ranges: ranges.flatMap(([from, to, [primary]]) => (primary === undefined ? [] : [[from, to, primary] as const])),
    nodes: ranges.flatMap(([, , nodes]) => nodes),
  };
}

function finder({ ranges }: Told): (slot: number) => NodeAddress | undefined {
  return (slot) => ranges.find(([from, to]) => from <= slot && slot <= to)?.[2];
}

function distinct(nodes: readonly NodeAddress[]): NodeAddress[] {
  return [...new Map(nodes.map((node) => [addressText(node), node])).values()];
}
