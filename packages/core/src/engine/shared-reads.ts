import type { Clock } from '../clock.ts';
import { checkWellFormed } from '../keys.ts';
import { keyText } from '../telemetry/key-text.ts';
import { endLayerGet } from '../telemetry/layers.ts';
import { ATTRIBUTES, type LayerResult, SPANS } from '../telemetry/names.ts';
import type { Trace } from '../telemetry/trace.ts';
import type { EngineContext } from './context.ts';
import { waitFor } from './flight.ts';
import type { Found } from './found.ts';
import type { Stack } from './layer.ts';
import type { Partition } from './partition.ts';
import type { Tier } from './tiers.ts';

/** What a read of shared layers needs to know of the call. */
interface SharedRead {
  readonly memoryTtlMs: number | undefined;
  readonly stack: Stack;
}

/** One key on its way down. */
interface Way {
  readonly key: string;
  readonly beganMs: number;
  readonly read: SharedRead;
  readonly trace: Trace | undefined;
  resolve(found: Found | undefined): void;
}

/**
 * The way down through the shared layers: the first entry that counts is the answer, and the layers above it get a copy.
 * What a layer holds and what is not believed are the same to the read: the next one is asked, and at last the loader.
 */
export class SharedReads {
  readonly #context: EngineContext;
  readonly #clock: Clock;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#clock = context.options.clock;
  }

  /** The entry in a shared layer, if it counts for a read that began at `beganMs`. */
  one(key: string, beganMs: number, read: SharedRead, trace: Trace | undefined): Promise<Found | undefined> {
    const partition = this.#context.partitionOf(key);
    const tiers = partition.tiers.of(read.stack);
    return new Promise((resolve) => this.#down(partition, tiers, 0, { key, beganMs, read, trace, resolve }));
  }

  /** As `one` of a read that nobody records, without a promise of its own. */
  find(key: string, beganMs: number, read: SharedRead, resolve: (found: Found | undefined) => void): void {
    const partition = this.#context.partitionOf(key);
    const way = { key, beganMs, read, trace: undefined, resolve };
    this.#down(partition, partition.tiers.of(read.stack), 0, way);
  }

  /** Asks one layer, and the ones below it until one answers. Without promises: a read of one layer makes only its own. */
  #down(partition: Partition, tiers: readonly Tier[], depth: number, way: Way): void {
    const { key, trace, resolve } = way;
    const tier = tiers[depth];
    if (tier === undefined) {
      trace?.set(ATTRIBUTES.hit, false);
      resolve(undefined);
      return;
    }
    const span = trace?.child(SPANS.layerGet, {
      attributes: { [ATTRIBUTES.layer]: tier.layer.name },
      key: keyText(key),
    });
    this.#ask(partition, tier, key, way.beganMs, way.read, span, (answer) => {
      endLayerGet(span, typeof answer === 'string' ? answer : 'hit');
      if (typeof answer === 'string') {
        this.#down(partition, tiers, depth + 1, way);
        return;
      }
      if (depth > 0) partition.tiers.backFill(key, answer, tiers.slice(0, depth));
      trace?.set(ATTRIBUTES.hit, true);
      resolve(answer);
    });
  }

  /** Several keys of one recorded read, with one span for each layer, however many keys there are. */
  async many(
    keys: readonly string[],
    beganMs: number,
    read: SharedRead & { readonly signal: AbortSignal | undefined },
    trace: Trace,
  ): Promise<(Found | undefined)[]> {
    for (const key of keys) checkWellFormed(key);
    const found = new Map<string, Found>();
    for (const [depth, storeName] of read.stack.entries()) {
      const missing = keys.filter((key) => !found.has(key));
      if (missing.length === 0) break;
      const answers = this.#askMany(missing, beganMs, read, depth, trace, storeName);
      for (const [index, answer] of (await waitFor(answers, read.signal)).entries()) {
        const key = missing[index] as string;
        if (typeof answer === 'string') continue;
        found.set(key, answer);
        const { tiers } = this.#context.partitionOf(key);
        if (depth > 0) tiers.backFill(key, answer, tiers.of(read.stack).slice(0, depth));
      }
    }
    return keys.map((key) => found.get(key));
  }

  async #askMany(
    keys: readonly string[],
    beganMs: number,
    read: SharedRead,
    depth: number,
    trace: Trace,
    storeName: string,
  ): Promise<(Found | LayerResult)[]> {
    const layer = this.#tierOf(keys[0] as string, read.stack, depth)?.layer.name ?? storeName;
    const span = trace.child(SPANS.layerGet, {
      attributes: { [ATTRIBUTES.layer]: layer, [ATTRIBUTES.keyCount]: keys.length },
    });
    const answers = await Promise.all(
      keys.map((key) => {
        const tier = this.#tierOf(key, read.stack, depth);
        if (tier === undefined) return 'miss' as const;
        return new Promise<Found | LayerResult>((resolve) =>
          this.#ask(this.#context.partitionOf(key), tier, key, beganMs, read, span, resolve),
        );
      }),
    );
    span.set(ATTRIBUTES.hitCount, answers.filter((answer) => typeof answer !== 'string').length);
    endLayerGet(span, summary(answers));
    return answers;
  }

  #tierOf(key: string, stack: Stack, depth: number): Tier | undefined {
    return this.#context.partitionOf(key).tiers.of(stack)[depth];
  }

  /** Calls `tell` with what the layer has that counts for a read that began at `beganMs`, or why there is nothing. */
  #ask(
    partition: Partition,
    tier: Tier,
    key: string,
    beganMs: number,
    read: SharedRead,
    span: Trace | undefined,
    tell: (answer: Found | LayerResult) => void,
  ): void {
    if (!partition.isStarted) {
      void partition.started.then(() => this.#ask(partition, tier, key, beganMs, read, span, tell));
      return;
    }
    if (partition.journal.covers(key, [])) {
      // Older than an own invalidation, which the shared layers have not heard of.
      tell('stale');
      return;
    }
    const asked = tier.reads.read(key, read.memoryTtlMs, span);
    asked.whenJudged((found) => {
      if (found === undefined) tell(asked.result);
      // Whoever joined a read late may need a later proof than the one it was judged by.
      else tell(partition.view.proof.covers(beganMs, this.#clock.wallMs()) ? found : 'unproved');
    });
  }
}

/** What became of asking for several keys: a hit only if all were, else what the first of the others came to. */
function summary(answers: readonly (Found | LayerResult)[]): LayerResult {
  return answers.find((answer) => typeof answer === 'string') ?? 'hit';
}
