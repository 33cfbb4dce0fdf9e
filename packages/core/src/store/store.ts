import type { Lease } from '../coherence/coordinator.ts';

/**
 * The contract of a shared layer that checks fences and writes as one. Bytes in, bytes out, batch first,
 * one outcome a key. A store knows nothing of TTL policy or tags, and never interprets more than the envelope header.
 */

/** What the engine must respect; data, so that no store needs code of its own for it. */
export interface StoreLimits {
  /** Most keys in one `read`, `fill` or `set`. */
  readonly maxBatch: number;
  /**
   * Whether it compares an entry with what is stored in the step that stores it. Without that a fill is never
   * `superseded` but replaces an entry that was as good, `set` takes no version of the caller's, and `collect` finds nothing.
   */
  readonly hasScripts: boolean;
}

export interface ReadReply {
  /** Timeline of the connection that answered (see `TailReply.timeline`). */
  readonly timeline: string;
  /** One item a key, in the order asked. */
  readonly values: readonly (Uint8Array | undefined)[];
}

/** One entry on its way into the store. */
export interface StoreWrite {
  readonly key: string;
  readonly lease: Lease;
  /** Whole milliseconds until the store forgets it by itself; 0 for never. */
  readonly ttlMs: number;
  /** The envelope, see `wire/envelope.ts`. */
  readonly bytes: Uint8Array;
}

/**
 * What became of one fill.
 *
 * - `stored`: it can be read by every instance.
 * - `fenced`: an event on its slot is newer than its lease.
 * - `superseded`: what is stored carries a higher lease.
 * - `voided`: the lease belongs to another epoch.
 * - `skipped`: nothing newer is known, but the layer did not take it. It may be kept by whoever has it.
 */
export type FillOutcome = 'stored' | 'fenced' | 'superseded' | 'voided' | 'skipped';

export interface FillReply {
  readonly epoch: string;
  readonly seq: number;
  readonly outcomes: readonly FillOutcome[];
}

/**
 * What became of one set.
 *
 * - `stored`: it can be read by every instance.
 * - `conflicted`: something newer than its lease is known, or a closed fence covers it; its key was dropped.
 * - `outdated`: what is stored carries a higher version of the caller's, and stays.
 * - `skipped`: everybody has forgotten the value before, but the layer did not take the new one.
 */
export type SetOutcome = 'stored' | 'conflicted' | 'outdated' | 'skipped';

export interface SetReply {
  readonly epoch: string;
  /** The sequence number that all entries of the call got; where all are outdated there is no event, and it is the last one. */
  readonly seq: number;
  readonly outcomes: readonly SetOutcome[];
}

/** How `collect` is watched and ended. */
export interface CollectOptions {
  readonly signal: AbortSignal | undefined;
  /** Called after every batch with the entries dropped and looked at so far. Never throws. */
  onProgress(progress: CollectProgress): void;
}

export interface CollectProgress {
  readonly dropped: number;
  readonly scanned: number;
}

/** A shared layer of one partition. Deadlines and errors as stated at `Coordinator`. */
export interface Store {
  /** The value of `cache.layer` in results, statistics and telemetry, for example `redis`. */
  readonly name: string;
  readonly limits: StoreLimits;
  read(keys: readonly string[]): Promise<ReadReply>;
  /**
   * Stores what a load brought, where nothing newer is known. The entry keeps the version of one that it replaces.
   * All leases of one call are of one epoch.
   */
  fill(writes: readonly StoreWrite[]): Promise<FillReply>;
  /**
   * Stores and invalidates in one step: one event for all keys. All leases of one call are of one epoch, no key twice.
   * `origins` as in `Coordinator.invalidate`.
   */
  set(writes: readonly StoreWrite[], origins?: readonly string[]): Promise<SetReply>;
  /**
   * Drops stored entries whose scoped key matches a glob (see `glob.ts`), a batch at a time. Frees memory only: what the
   * pattern invalidated is already void. Answers how many were dropped.
   *
   * @throws the signal's reason when it fires between two batches
   */
  collect(pattern: string, options: CollectOptions): Promise<number>;
}
