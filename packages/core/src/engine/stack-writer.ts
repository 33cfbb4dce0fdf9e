import type { SequencedReply } from '../coherence/coordinator.ts';
import type { GenerationStore } from '../store/generation-store.ts';
import type { FillOutcome, FillReply, SetReply, Store, StoreLimits, StoreWrite } from '../store/store.ts';

/** What writes need of a store. */
export interface Writer extends Pick<Store, 'name' | 'limits' | 'fill' | 'set'> {
  /** Its name in the options. */
  readonly storeName: string;
}

/** A layer without scripts as a writer that can take part in the set of another. */
export type Follower = Writer & Pick<GenerationStore, 'follow'>;

/** Who hears of what a stack does before its callers do. */
export interface StackWatch {
  /** A layer failed, and the others did not. */
  onFault(error: unknown, storeName: string): void;
  /** A set got its place in the sequence. */
  onSequenced(reply: SequencedReply, keys: readonly string[]): void;
}

/** What a fill came to in several layers, by the worst of it: what one layer knows to be old, all of them must not keep. */
const WORST_FIRST: readonly FillOutcome[] = ['voided', 'fenced', 'superseded', 'stored', 'skipped'];

/**
 * Several shared layers as one writer. A fill goes to all of them at once, since each judges it by itself. A set is one
 * event only: the layer that can compare makes it, or else the first one, and the others store under the number it got.
 */
export class StackWriter implements Writer {
  readonly name: string;
  readonly storeName: string;
  readonly limits: StoreLimits;
  readonly #leader: Writer;
  readonly #followers: readonly Follower[];
  readonly #watch: StackWatch;

  constructor(leader: Writer, followers: readonly Follower[], watch: StackWatch) {
    const all = [leader, ...followers];
    this.name = all.map(({ name }) => name).join('+');
    this.storeName = all.map(({ storeName }) => storeName).join('+');
    this.limits = {
      maxBatch: Math.min(...all.map(({ limits }) => limits.maxBatch)),
      hasScripts: leader.limits.hasScripts,
    };
    this.#leader = leader;
    this.#followers = followers;
    this.#watch = watch;
  }

  async fill(writes: readonly StoreWrite[]): Promise<FillReply> {
    const layers = [this.#leader, ...this.#followers];
    const settled = await Promise.allSettled(layers.map((layer) => layer.fill(writes)));
    const replies = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const [first] = replies;
    const failed = settled.findIndex((one) => one.status === 'rejected');
    const failure = (settled[failed] as PromiseRejectedResult | undefined)?.reason;
    if (first === undefined) throw failure;
    if (failure !== undefined) this.#watch.onFault(failure, (layers[failed] as Writer).storeName);
    const outcomes = writes.map((_, index) => {
      const found = new Set(replies.map((reply) => reply.outcomes[index] ?? 'voided'));
      return WORST_FIRST.find((outcome) => found.has(outcome)) ?? 'voided';
    });
    return { ...first, outcomes };
  }

  async set(writes: readonly StoreWrite[], origins?: readonly string[]): Promise<SetReply> {
    const reply = await this.#leader.set(writes, origins);
    // Where all are outdated there was no event.
    if (reply.outcomes.every((outcome) => outcome === 'outdated')) return reply;
    // Known here from now on, not only when the other layers have the values.
    const keys = writes.map(({ key }) => key);
    this.#watch.onSequenced(reply, keys);
    const isGood = writes.map((_, index) => ['stored', 'skipped'].includes(reply.outcomes[index] ?? 'conflicted'));
    const good = writes.filter((_, index) => isGood[index]);
    if (good.length === 0) return reply;
    const stored = await Promise.all(this.#followers.map((follower) => follower.follow(good, reply)));
    const outcomes = reply.outcomes.map((outcome, index) => {
      if (outcome !== 'skipped') return outcome;
      const at = isGood.slice(0, index).filter(Boolean).length;
      return stored.some((part) => part[at] === 'stored') ? 'stored' : 'skipped';
    });
    return { ...reply, outcomes };
  }
}
