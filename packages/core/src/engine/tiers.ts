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

  constructor(options: { tiers: ReadonlyMap<string, Tier>; queue: WriteQueue; watch: StackWatch }) {
    this.#tiers = options.tiers;
    this.#queue = options.queue;
    this.#watch = options.watch;
  }

  /** The layers of a stack, top first. */
  of(stack: Stack): readonly Tier[] {
    return this.#resolve(stack).tiers;
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
      this.#queue.copy({ key: read.key, ...stored }, store).catch((error: unknown) => this.#watch.onFault(error));
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
