import { checkWellFormed } from '../keys.ts';
import { attributesOf, endLayerGet } from '../telemetry/layers.ts';
import { ATTRIBUTES, type LayerResult, SPANS } from '../telemetry/names.ts';
import type { Trace } from '../telemetry/trace.ts';
import type { EngineContext } from './context.ts';
import { waitFor } from './flight.ts';
import type { Found } from './found.ts';
import type { Partition } from './partition.ts';
import type { RemoteRead } from './remote-reads.ts';
import type { Tier } from './tiers.ts';
import type { Values } from './values.ts';
import { LayerRead, type SharedRead, WayDown } from './way-down.ts';

/** Reads of the shared layers: of one key, of several, and of several with one span for each layer. */
export class SharedReads {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** The value in a shared layer, if there is one that counts. */
  value(key: string, shared: SharedRead, trace: Trace | undefined): Promise<unknown> {
    const { values } = this.#context;
    const partition = this.#context.partitionOf(key);
    return new Promise((resolve, reject) => new ValueWay(partition, key, shared, trace, values, resolve, reject).go());
  }

  /** The entry in a shared layer, if there is one that counts. */
  entry(key: string, shared: SharedRead, trace: Trace | undefined): Promise<Found | undefined> {
    const partition = this.#context.partitionOf(key);
    return new Promise((resolve) => new FoundWay(partition, key, shared, trace, resolve).go());
  }

  /** Puts the values of some of the keys, at least one, into their places; where there is none the place stays as it is. */
  fill(places: unknown[], missing: readonly number[], keys: readonly string[], shared: SharedRead): Promise<unknown[]> {
    const { values } = this.#context;
    return new Promise((resolve, reject) => {
      const filling = { places, values, open: missing.length, resolve, reject };
      for (const place of missing) {
        const key = keys[place] as string;
        new PlaceWay(this.#context.partitionOf(key), key, shared, filling, place).go();
      }
    });
  }

  /** Several keys of one recorded read, with one span for each layer, however many keys there are. */
  async many(
    keys: readonly string[],
    shared: SharedRead,
    signal: AbortSignal | undefined,
    trace: Trace,
  ): Promise<(RemoteRead | undefined)[]> {
    for (const key of keys) checkWellFormed(key);
    const found = new Map<string, RemoteRead>();
    for (const [depth, storeName] of shared.stack.entries()) {
      const missing = keys.filter((key) => !found.has(key));
      if (missing.length === 0) break;
      const answers = this.#askMany(missing, shared, depth, trace, storeName);
      for (const answer of await waitFor(answers, signal)) {
        if (typeof answer === 'string') continue;
        found.set(answer.key, answer);
        const { tiers } = this.#context.partitionOf(answer.key);
        if (depth > 0) tiers.backFill(answer, tiers.of(shared.stack).slice(0, depth));
      }
    }
    return keys.map((key) => found.get(key));
  }

  async #askMany(
    keys: readonly string[],
    shared: SharedRead,
    depth: number,
    trace: Trace,
    storeName: string,
  ): Promise<(RemoteRead | LayerResult)[]> {
    const layer = this.#tierOf(keys[0] as string, shared, depth)?.layer ?? { name: storeName, storeName };
    const span = trace.child(SPANS.layerGet, {
      attributes: { ...attributesOf(layer), [ATTRIBUTES.keyCount]: keys.length },
    });
    const answers = await Promise.all(
      keys.map((key) => {
        const tier = this.#tierOf(key, shared, depth);
        if (tier === undefined) return 'miss' as const;
        const partition = this.#context.partitionOf(key);
        return new Promise<RemoteRead | LayerResult>((resolve) =>
          new AnswerRead(partition, key, shared, resolve).ask(tier, span),
        );
      }),
    );
    span.set(ATTRIBUTES.hitCount, answers.filter((answer) => typeof answer !== 'string').length);
    endLayerGet(span, summary(answers));
    return answers;
  }

  #tierOf(key: string, shared: SharedRead, depth: number): Tier | undefined {
    return this.#context.partitionOf(key).tiers.of(shared.stack)[depth];
  }
}

/** Answers with the value. */
class ValueWay extends WayDown {
  readonly #values: Values;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(
    partition: Partition,
    key: string,
    shared: SharedRead,
    trace: Trace | undefined,
    values: Values,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    super(partition, key, shared, trace);
    this.#values = values;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  protected onEnd(read: RemoteRead | undefined): void {
    if (read?.entry === undefined) {
      this.#resolve(undefined);
      return;
    }
    try {
      this.#resolve(this.#values.release(read.entry));
    } catch (error) {
      this.#reject(error);
    }
  }
}

/** Answers with the entry and where it came from. */
class FoundWay extends WayDown {
  readonly #resolve: (found: Found | undefined) => void;

  constructor(
    partition: Partition,
    key: string,
    shared: SharedRead,
    trace: Trace | undefined,
    resolve: (found: Found | undefined) => void,
  ) {
    super(partition, key, shared, trace);
    this.#resolve = resolve;
  }

  protected onEnd(read: RemoteRead | undefined): void {
    this.#resolve(read?.entry && { entry: read.entry, layer: read.layer.name });
  }
}

/** What the ways of one call for several keys share. */
interface Filling {
  readonly places: unknown[];
  readonly values: Values;
  /** Keys not answered yet. */
  open: number;
  resolve(places: unknown[]): void;
  reject(reason: unknown): void;
}

/** Puts the value into its place, and answers for the whole call when it is the last. */
class PlaceWay extends WayDown {
  readonly #filling: Filling;
  readonly #place: number;

  constructor(partition: Partition, key: string, shared: SharedRead, filling: Filling, place: number) {
    super(partition, key, shared, undefined);
    this.#filling = filling;
    this.#place = place;
  }

  protected onEnd(read: RemoteRead | undefined): void {
    const filling = this.#filling;
    try {
      if (read?.entry !== undefined) filling.places[this.#place] = filling.values.release(read.entry);
    } catch (error) {
      filling.reject(error);
    }
    if (--filling.open === 0) filling.resolve(filling.places);
  }
}

/** Answers with what one layer came to. */
class AnswerRead extends LayerRead {
  readonly #resolve: (answer: RemoteRead | LayerResult) => void;

  constructor(
    partition: Partition,
    key: string,
    shared: SharedRead,
    resolve: (answer: RemoteRead | LayerResult) => void,
  ) {
    super(partition, key, shared);
    this.#resolve = resolve;
  }

  protected onAnswer(answer: RemoteRead | LayerResult): void {
    this.#resolve(answer);
  }
}

/** What became of asking for several keys: a hit only if all were, else what the first of the others came to. */
function summary(answers: readonly (RemoteRead | LayerResult)[]): LayerResult {
  return answers.find((answer) => typeof answer === 'string') ?? 'hit';
}
