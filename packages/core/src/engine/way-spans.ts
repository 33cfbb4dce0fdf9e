import { keyText } from '../telemetry/key-text.ts';
import { attributesOf, endLayerGet } from '../telemetry/layers.ts';
import { ATTRIBUTES, type LayerResult, SPANS } from '../telemetry/names.ts';
import type { Trace } from '../telemetry/trace.ts';
import type { LayerFacts } from './layer.ts';

/** Tells telemetry of ways down through the shared layers; only those of a recorded call have it. */
export interface WaySpans {
  /** A layer is about to be asked. What is sent to it for that is a part of the span that comes back. */
  asked(layer: LayerFacts, depth: number): Trace;
  /** What the layer last asked, at this depth, came to. After a hit the way is at its end. */
  answered(depth: number, result: LayerResult): void;
}

/** The way of one key: a span for each layer. */
export class KeySpans implements WaySpans {
  readonly #trace: Trace;
  readonly #key: string;
  #span: Trace | undefined;

  constructor(trace: Trace, key: string) {
    this.#trace = trace;
    this.#key = keyText(key);
  }

  asked(layer: LayerFacts): Trace {
    this.#span = this.#trace.child(SPANS.layerGet, { attributes: attributesOf(layer), key: this.#key });
    return this.#span;
  }

  answered(_depth: number, result: LayerResult): void {
    endLayerGet(this.#span, result);
    this.#trace.set(ATTRIBUTES.hit, result === 'hit');
  }
}

/** One layer as all ways of a call have met it so far. */
interface LayerSum {
  readonly span: Trace;
  keys: number;
  hits: number;
  /** A hit only if all were, else what the first of the others came to. */
  result: LayerResult;
}

/**
 * The ways of all keys of one call: a span for each layer, however many keys there are. It begins with the first key that
 * comes to the layer, and ends when no other one can come any more; no key waits for another.
 */
export class LayerSpans implements WaySpans {
  readonly #trace: Trace;
  readonly #sums: LayerSum[] = [];
  /** For each depth, the keys that have yet to be answered there or to be found above. */
  readonly #open: number[];
  #hits = 0;

  /** For so many ways through so many layers. */
  constructor(trace: Trace, keys: number, layers: number) {
    this.#trace = trace;
    this.#open = new Array<number>(layers).fill(keys);
  }

  /** Keys that a layer has had so far. */
  get hits(): number {
    return this.#hits;
  }

  asked(layer: LayerFacts, depth: number): Trace {
    const sum = this.#sums[depth] ?? this.#begin(layer, depth);
    sum.keys++;
    return sum.span;
  }

  answered(depth: number, result: LayerResult): void {
    const sum = this.#sums[depth];
    if (sum === undefined) return;
    if (result === 'hit') {
      sum.hits++;
      this.#hits++;
    } else if (sum.result === 'hit') {
      sum.result = result;
    }
    this.#leave(depth);
    if (result !== 'hit') return;
    for (let below = depth + 1; below < this.#open.length; below++) this.#leave(below);
  }

  #begin(layer: LayerFacts, depth: number): LayerSum {
    const span = this.#trace.child(SPANS.layerGet, { attributes: attributesOf(layer) });
    const sum: LayerSum = { span, keys: 0, hits: 0, result: 'hit' };
    this.#sums[depth] = sum;
    return sum;
  }

  /** One key less that this layer will be asked for. */
  #leave(depth: number): void {
    const open = (this.#open[depth] ?? 0) - 1;
    this.#open[depth] = open;
    const sum = this.#sums[depth];
    if (open > 0 || sum === undefined) return;
    sum.span.set(ATTRIBUTES.keyCount, sum.keys);
    sum.span.set(ATTRIBUTES.hitCount, sum.hits);
    endLayerGet(sum.span, sum.result);
  }
}
