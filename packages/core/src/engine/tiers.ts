import type { RemoteCounters } from '../stats.ts';
import type { LayerFacts, Stack } from './layer.ts';
import type { RemoteRead, RemoteReads } from './remote-reads.ts';
import { type Follower, type StackWatch, StackWriter, type Writer } from './stack-writer.ts';
import type { WriteQueue } from './write-queue.ts';

/** One shared layer of one partition. */
export interface Tier {
  readonly layer: LayerFacts;
  readonly store: Writer | Follower;
  readonly reads: RemoteReads;
}

/** The shared layers of one partition, and the stacks that keyspaces make of them. */
export class Tiers {
  readonly #tiers: ReadonlyMap<string, Tier>;
  readonly #stacks = new WeakMap<Stack, { readonly tiers: readonly Tier[]; readonly writer: Writer }>();
  readonly #queue: WriteQueue;
  readonly #watch: StackWatch;
  readonly #remote: RemoteCounters;

  constructor(options: {
    tiers: ReadonlyMap<string, Tier>;
    queue: WriteQueue;
    watch: StackWatch;
    /** All layers together. */
    remote: RemoteCounters;
  }) {
    this.#tiers = options.tiers;
    this.#queue = options.queue;
    this.#watch = options.watch;
    this.#remote = options.remote;
  }

  /** The layers of a stack, top first. */
  of(stack: Stack): readonly Tier[] {
    return this.#resolve(stack).tiers;
  }

  /** Counts a value that no layer of a stack gets, since it is over what the cache sends. */
  noteOversize(stack: Stack): void {
    for (const { layer } of this.of(stack)) {
      layer.counters.oversized++;
      this.#remote.oversized++;
    }
  }

  /** What writes of a stack go to. */
  writerOf(stack: Stack): Writer {
    return this.#resolve(stack).writer;
  }

  /** Copies what a layer answered into those above it that did not have it, with what is left of its life. */
  backFill(read: RemoteRead, above: readonly Tier[]): void {
    const stored = read.takeStored();
    if (stored === undefined) return;
    for (const { store } of above) {
      this.#queue
        .copy({ key: read.key, ...stored }, store)
        .catch((error: unknown) => this.#watch.onFault(error, store.storeName));
    }
  }

  #resolve(stack: Stack): { readonly tiers: readonly Tier[]; readonly writer: Writer } {
    const present = this.#stacks.get(stack);
    if (present !== undefined) return present;
    // Options were checked: every name is one of a store, and none comes twice.
    const tiers = stack.map((name) => this.#tiers.get(name) as Tier);
    const resolved = { tiers, writer: this.#writer(tiers) };
    this.#stacks.set(stack, resolved);
    return resolved;
  }

  #writer(tiers: readonly Tier[]): Writer {
    const stores = tiers.map(({ store }) => store);
    const leader = stores.find(({ limits }) => limits.hasScripts) ?? (stores[0] as Writer);
    const followers = stores.filter((store): store is Follower => store !== leader && 'follow' in store);
    return followers.length === 0 ? leader : new StackWriter(leader, followers, this.#watch);
  }
}
