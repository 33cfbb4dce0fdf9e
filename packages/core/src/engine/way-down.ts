import { keyText } from '../telemetry/key-text.ts';
import { attributesOf, endLayerGet } from '../telemetry/layers.ts';
import { ATTRIBUTES, type LayerResult, SPANS } from '../telemetry/names.ts';
import type { Trace } from '../telemetry/trace.ts';
import type { Stack } from './layer.ts';
import type { Partition } from './partition.ts';
import type { Reader, RemoteRead } from './remote-reads.ts';
import type { Tier } from './tiers.ts';

/** What a read of shared layers needs to know of the call. */
export interface SharedRead {
  readonly memoryTtlMs: number | undefined;
  readonly stack: Stack;
  readonly beganMs: number;
}

/**
 * One key asked of one shared layer. What it does not hold and what is not believed are the same to the read: `onAnswer`
 * gets the read that brought an entry, or why there is none.
 */
export abstract class LayerRead implements Reader {
  readonly key: string;
  protected readonly partition: Partition;
  protected readonly shared: SharedRead;

  constructor(partition: Partition, key: string, shared: SharedRead) {
    this.key = key;
    this.partition = partition;
    this.shared = shared;
  }

  /** Asks a layer. */
  ask(tier: Tier, span: Trace | undefined): void {
    const { partition, key } = this;
    if (!partition.isStarted) {
      void partition.started.then(() => this.ask(tier, span));
      return;
    }
    if (partition.journal.covers(key, [])) {
      // Older than an own invalidation, which the shared layers have not heard of.
      this.onAnswer('stale');
      return;
    }
    tier.reads.read(key, this.shared.memoryTtlMs, span).addReader(this);
  }

  onJudged(read: RemoteRead, nowMs: number): void {
    if (read.entry === undefined) this.onAnswer(read.result);
    // Whoever joined a read late may need a later proof than the one it was judged by.
    else this.onAnswer(this.partition.view.proof.covers(this.shared.beganMs, nowMs) ? read : 'unproved');
  }

  /** Must not throw. */
  protected abstract onAnswer(answer: RemoteRead | LayerResult): void;
}

/**
 * One key on its way down through the shared layers: the first entry that counts is the answer, and the layers above it
 * get a copy. An object and not a chain of promises: the read of a layer makes none but the one its caller waits for.
 */
export abstract class WayDown extends LayerRead {
  readonly #tiers: readonly Tier[];
  readonly #trace: Trace | undefined;
  #span: Trace | undefined = undefined;
  #depth = 0;

  constructor(partition: Partition, key: string, shared: SharedRead, trace: Trace | undefined) {
    super(partition, key, shared);
    this.#tiers = partition.tiers.of(shared.stack);
    this.#trace = trace;
  }

  /** Asks the layer it has come to. */
  go(): void {
    const tier = this.#tiers[this.#depth];
    if (tier === undefined) {
      this.#trace?.set(ATTRIBUTES.hit, false);
      this.onEnd(undefined);
      return;
    }
    if (this.#trace !== undefined) {
      const attributes = attributesOf(tier.layer);
      this.#span = this.#trace.child(SPANS.layerGet, { attributes, key: keyText(this.key) });
    }
    this.ask(tier, this.#span);
  }

  protected onAnswer(answer: RemoteRead | LayerResult): void {
    const isHit = typeof answer !== 'string';
    if (this.#span !== undefined) endLayerGet(this.#span, isHit ? 'hit' : answer);
    if (!isHit) {
      this.#depth++;
      this.go();
      return;
    }
    if (this.#depth > 0) this.partition.tiers.backFill(answer, this.#tiers.slice(0, this.#depth));
    this.#trace?.set(ATTRIBUTES.hit, true);
    this.onEnd(answer);
  }

  /** Gets the read that brought the answer, or `undefined` when no layer has one. Must not throw. */
  protected abstract onEnd(read: RemoteRead | undefined): void;
}
