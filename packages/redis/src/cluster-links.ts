import { AsyncResource } from 'node:async_hooks';
import { type CacheError, type Clock, jittered, type Timer } from 'tierwise/driver';
import type { ClusterTopology } from './cluster-topology.ts';
import { keySlot } from './key-slot.ts';
import { addressText, type NodeAddress } from './node-address.ts';
import type { NodeLinks, NodeLinksOptions } from './node-links.ts';
import type { PartitionLinks } from './partition-links.ts';

export interface ClusterLinksOptions {
  readonly clock: Clock;
  readonly topology: ClusterTopology;
  /** An announced address as it can be reached. */
  reach(address: NodeAddress): NodeAddress;
  /** Links to one node, not yet opened. */
  createLinks(address: NodeAddress, watch: Pick<NodeLinksOptions, 'onDown' | 'onWhole'>): NodeLinks;
  onError(error: CacheError): void;
  /** Every partition has a server that answers and sends messages. */
  onRecovered(): void;
}

interface Node {
  readonly address: NodeAddress;
  readonly links: NodeLinks;
}

/** Between two look-ups while a partition has no server that answers for it; doubled each time up to the second. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 500;

/**
 * The links of all partitions of a cluster: one set for each primary that serves any of them, and who is where.
 *
 * A partition goes where its node says that it went (`MOVED`). Where a node is lost, or says that nobody serves a
 * partition, any other node is asked for the whole topology: one look-up at a time for all partitions, again and again
 * until every partition has a server that answers. A partition whose links are up stays where it is, whatever a look-up
 * says: the node itself knows better.
 */
export class ClusterLinks {
  readonly #options: ClusterLinksOptions;
  /** The context of the cache: a call that is sent on must not pass its own on to what is made for all. */
  readonly #home = new AsyncResource('tierwise.cluster');
  readonly #partitions = new Set<PartitionLinks>();
  readonly #nodes = new Map<string, Node>();
  /** Partitions whose node has said that nobody serves them. */
  readonly #refused = new Set<PartitionLinks>();
  /** Partitions that were sent on and have not been heard of since the last look-up. */
  readonly #sentOn = new Set<PartitionLinks>();
  #retryMs = FIRST_RETRY_MS;
  #retry: Timer | undefined;
  #isLookingUp = false;
  #isClosed = false;

  constructor(options: ClusterLinksOptions) {
    this.#options = options;
  }

  /** Finds a home for a partition, with the others that come in the same tick. */
  place(partition: PartitionLinks): void {
    if (this.#partitions.size === 0) this.#options.clock.endOfTick(() => void this.#lookUp());
    this.#partitions.add(partition);
  }

  /** `home` does not serve `partition`, or not now. */
  redirect(partition: PartitionLinks, home: NodeLinks, reply: string): void {
    if (this.#isClosed || partition.home !== home) return;
    const [kind, , target = ''] = reply.split(' ');
    if (kind === 'MOVED') this.#home.runInAsyncScope(() => this.#send(partition, home, target));
    else if (kind === 'CLUSTERDOWN') {
      this.#refused.add(partition);
      this.#lookUpSoon();
    }
    // A slot under way is soon at its new node, and the old one says so then.
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    for (const { links } of this.#nodes.values()) links.close();
  }

  #send(partition: PartitionLinks, home: NodeLinks, target: string): void {
    const address = this.#addressIn(target, home);
    // Two nodes that send a partition to each other have not heard the news: somebody else is asked, after a while.
    const isUsable = address !== undefined && !this.#sentOn.has(partition);
    this.#sentOn.add(partition);
    partition.moveTo(isUsable ? this.#nodeAt(address) : undefined);
    this.#prune();
    void home.inspect();
    this.#lookUpSoon();
  }

  /** The address in a MOVED reply; `undefined` when it is none, or the one it came from. */
  #addressIn(target: string, home: NodeLinks): NodeAddress | undefined {
    const colon = target.lastIndexOf(':');
    const port = Number(target.slice(colon + 1));
    // An empty host is the one of the node that answers, which only a look-up knows for certain.
    if (colon <= 0 || !Number.isInteger(port) || port < 1) return undefined;
    let address: NodeAddress;
    try {
      address = this.#options.reach({ host: target.slice(0, colon), port });
    } catch {
      // What is wrong with the user's natMap, the look-up tells.
      return undefined;
    }
    return this.#nodes.get(addressText(address))?.links === home ? undefined : address;
  }

  async #lookUp(): Promise<void> {
    if (this.#isLookingUp || this.#isClosed) return;
    this.#isLookingUp = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    try {
      const primaryOf = await this.#options.topology.lookUp();
      if (!this.#isClosed) this.#moveAll(primaryOf);
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.onError(error as CacheError);
      // Whoever waits for a first connection learns that there is none.
      for (const partition of this.#partitions) if (partition.home === undefined) partition.onDown();
    } finally {
      this.#isLookingUp = false;
    }
    this.#sentOn.clear();
    // Looks once more whether it has helped.
    this.#lookUpSoon();
  }

  #moveAll(primaryOf: (slot: number) => NodeAddress | undefined): void {
    for (const partition of this.#partitions) {
      if (partition.home?.isUp === true && !this.#refused.has(partition)) continue;
      const address = primaryOf(keySlot(partition.names.state[0]));
      if (address !== undefined) partition.moveTo(this.#nodeAt(address));
      else if (partition.home === undefined) partition.onDown();
    }
    this.#refused.clear();
    this.#prune();
  }

  /** Looks up after a pause that grows while it does not help. */
  #lookUpSoon(): void {
    if (this.#retry !== undefined || this.#isLookingUp || this.#isClosed) return;
    this.#retry = this.#options.clock.after(jittered(this.#retryMs), () => {
      this.#retry = undefined;
      if (!this.#isSettled) {
        void this.#home.runInAsyncScope(() => this.#lookUp());
        return;
      }
      this.#retryMs = FIRST_RETRY_MS;
      this.#sentOn.clear();
      this.#tellRecovered();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  get #isSettled(): boolean {
    return this.#refused.size === 0 && [...this.#partitions].every(({ home }) => home?.isUp === true);
  }

  #tellRecovered(): void {
    if (this.#isSettled && [...this.#partitions].every(({ home }) => home?.isWhole === true))
      this.#options.onRecovered();
  }

  #nodeAt(address: NodeAddress): NodeLinks {
    const text = addressText(address);
    const known = this.#nodes.get(text);
    if (known !== undefined) return known.links;
    const links = this.#options.createLinks(address, {
      onDown: (error) => {
        this.#options.onError(error);
        this.#lookUpSoon();
      },
      onWhole: () => this.#tellRecovered(),
    });
    this.#nodes.set(text, { address, links });
    links.open();
    return links;
  }

  /** Ends the links to nodes that serve no partition any more. */
  #prune(): void {
    for (const [text, { links }] of this.#nodes) {
      if (!links.isEmpty) continue;
      this.#nodes.delete(text);
      links.close();
    }
  }
}
