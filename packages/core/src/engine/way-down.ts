import type { LayerResult } from '../telemetry/names.ts';
import type { Trace } from '../telemetry/trace.ts';
import type { Stack } from './layer.ts';
import type { Partition } from './partition.ts';
import type { Reader, RemoteRead } from './remote-reads.ts';
import type { Tier } from './tiers.ts';
import type { WaySpans } from './way-spans.ts';

/** What a read of shared layers needs to know of the call. */
export interface SharedRead {
  readonly memoryTtlMs: number | undefined;
  readonly stack: Stack;
  readonly beganMs: number;
}

/**
 * One key on its way down through the shared layers: the first entry that counts is the answer, and the layers above it
 * get a copy. What a layer does not hold and what is not believed are the same to it.
 *
 * An object and not a chain of promises: the read of a layer makes none but the one its caller waits for.
 */
export abstract class WayDown implements Reader {
  readonly #key: string;
  readonly #partition: Partition;
  readonly #shared: SharedRead;
  readonly #tiers: readonly Tier[];
  readonly #spans: WaySpans | undefined;
  #depth = 0;

  constructor(partition: Partition, key: string, shared: SharedRead, spans: WaySpans | undefined) {
    this.#key = key;
    this.#partition = partition;
    this.#shared = shared;
    this.#tiers = partition.tiers.of(shared.stack);
    this.#spans = spans;
  }

  /** Asks the layer it has come to. */
  go(): void {
    const tier = this.#tiers[this.#depth];
    if (tier === undefined) this.onEnd(undefined);
    else this.#ask(tier, this.#spans?.asked(tier.layer, this.#depth));
  }

  #ask(tier: Tier, span: Trace | undefined): void {
    const partition = this.#partition;
    if (!partition.isStarted) {
      void partition.started.then(() => this.#ask(tier, span));
      return;
    }
    if (partition.journal.covers(this.#key, [])) {
      // Older than an own invalidation, which the shared layers have not heard of.
      this.#onAnswer('stale');
      return;
    }
    tier.reads.read(this.#key, this.#shared.memoryTtlMs, span).addReader(this);
  }

  onJudged(read: RemoteRead, nowMs: number): void {
    if (read.entry === undefined) this.#onAnswer(read.result);
    // Whoever joined a read late may need a later proof than the one it was judged by.
    else this.#onAnswer(this.#partition.view.proof.covers(this.#shared.beganMs, nowMs) ? read : 'unproved');
  }

  #onAnswer(answer: RemoteRead | LayerResult): void {
    const isHit = typeof answer !== 'string';
    this.#spans?.answered(this.#depth, isHit ? 'hit' : answer);
    if (!isHit) {
      this.#depth++;
      this.go();
      return;
    }
    if (this.#depth > 0) this.#partition.tiers.backFill(answer, this.#tiers.slice(0, this.#depth));
    this.onEnd(answer);
  }

  /** Gets the read that brought the answer, or `undefined` when no layer has one. Must not throw. */
  protected abstract onEnd(read: RemoteRead | undefined): void;
}
