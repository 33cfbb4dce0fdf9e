import type { Clock } from '../clock.ts';
import type { CacheError } from '../errors.ts';

/**
 * The contract of a shared layer that runs no code of ours: bytes under names, and nothing that could compare and write
 * in one step. What makes it coherent is in the names, see `generation-store.ts`, so it may lose what it was given at any
 * time, and a write may arrive late or twice. The one thing it must never do is answer bytes of another name.
 */

/** What the engine must respect; data, so that no store needs code of its own for it. */
export interface PlainStoreLimits {
  /** Most names in one `read` or `write`. */
  readonly maxBatch: number;
  /** Most bytes of one value; what is larger is not sent. */
  readonly maxValueBytes: number;
  /** Parts that fail independently of each other, such as servers; 1 where all names stand and fall together. */
  readonly parts: number;
}

/** One value on its way into the store. */
export interface PlainWrite {
  readonly name: string;
  /** Whole milliseconds after which nobody asks for it any more; 0 for never. It may be kept longer. */
  readonly ttlMs: number;
  readonly bytes: Uint8Array;
}

/** What became of reading one name: its bytes, nothing, or why that cannot be said. */
export type PlainRead = Uint8Array | CacheError | undefined;

/**
 * A store without scripts. Every method settles within the implementation's deadline and answers for each name by
 * itself: `REMOTE_UNAVAILABLE`, `REMOTE_TIMEOUT` or `REMOTE_REJECTED` where a name could not be served.
 */
export interface PlainStore {
  readonly limits: PlainStoreLimits;
  /**
   * The part that a name belongs to, from 0 to `limits.parts` - 1; the same every time. A part that answers nothing is left
   * alone for a while, and the names of the others are asked for as ever.
   */
  partOf(name: string): number;
  /** One item a name, in the order asked. */
  read(names: readonly string[]): Promise<readonly PlainRead[]>;
  /** One item a write, in the order given: `undefined` where it was stored. No name twice. */
  write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]>;
  /** Ends all connections; idempotent. */
  close(): Promise<void>;
}

/** What a layer needs to know of the cache that connects it. */
export interface PlainLayerContext {
  /** The cache's name. Names are unique without it; it is for people who look into the store. */
  readonly cacheName: string;
  readonly clock: Clock;
  /** Reports faults that no call can be rejected for; `facts.server` is whose, where that is known. Never throws. */
  onError(error: CacheError): void;
  /**
   * Reports that the server answers again, or without one, the whole layer. Also called where no fault was reported. Until
   * it is, no further outage of that server is written to a log. Never throws.
   */
  onRecovered(server?: string): void;
}

/** A layer without scripts to be: what `memcached()` returns and `createCache({ stores })` takes beside the authority. */
export interface PlainLayer {
  /** Kind of the layer in results, statistics and telemetry, beside the name that users give its store. */
  readonly name: string;
  /** Starts connecting and returns at once. Called once for every cache. */
  connect(context: PlainLayerContext): PlainStore;
}
