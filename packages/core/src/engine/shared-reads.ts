import type { EngineContext } from './context.ts';
import type { Found } from './found.ts';
import type { Partition } from './partition.ts';
import type { RemoteRead } from './remote-reads.ts';
import type { Values } from './values.ts';
import { type SharedRead, WayDown } from './way-down.ts';
import type { WaySpans } from './way-spans.ts';

/** Reads of the shared layers: of one key, and of several. */
export class SharedReads {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** The value in a shared layer, if there is one that counts. */
  value(key: string, shared: SharedRead, spans: WaySpans | undefined): Promise<unknown> {
    const { values } = this.#context;
    const partition = this.#context.partitionOf(key);
    return new Promise((resolve, reject) => new ValueWay(partition, key, shared, spans, values, resolve, reject).go());
  }

  /** The entry in a shared layer, if there is one that counts. */
  entry(key: string, shared: SharedRead, spans: WaySpans | undefined): Promise<Found | undefined> {
    const partition = this.#context.partitionOf(key);
    return new Promise((resolve) => new FoundWay(partition, key, shared, spans, resolve).go());
  }

  /** Puts the values of some of the keys, at least one, into their places; where there is none the place stays as it is. */
  fill(
    places: unknown[],
    missing: readonly number[],
    keys: readonly string[],
    shared: SharedRead,
    spans: WaySpans | undefined,
  ): Promise<unknown[]> {
    const { values } = this.#context;
    return new Promise((resolve, reject) => {
      const filling = { places, values, open: missing.length, resolve, reject };
      for (const place of missing) {
        const key = keys[place] as string;
        new PlaceWay(this.#context.partitionOf(key), key, shared, spans, filling, place).go();
      }
    });
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
    spans: WaySpans | undefined,
    values: Values,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    super(partition, key, shared, spans);
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
    spans: WaySpans | undefined,
    resolve: (found: Found | undefined) => void,
  ) {
    super(partition, key, shared, spans);
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

  constructor(
    partition: Partition,
    key: string,
    shared: SharedRead,
    spans: WaySpans | undefined,
    filling: Filling,
    place: number,
  ) {
    super(partition, key, shared, spans);
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
