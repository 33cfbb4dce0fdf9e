import type { Forgetter } from '../coherence/view.ts';
import type { MemoryCounters } from '../stats.ts';
import { RecencyMap, type RecencyNode } from './recency.ts';

/** No expiry; the largest number that still fits a small integer everywhere. */
export const NEVER_MS: number = 2 ** 31 - 1;

/**
 * One value in memory with what its freshness is judged by. Times are whole milliseconds since the cache was created,
 * which keeps them small integers for the first 24 days.
 *
 * The fields stand in the order in which a hit needs them.
 */
export class MemoryEntry implements RecencyNode<MemoryEntry> {
  movedAtPut = 0;
  readonly expiresMs: number;
  /** The view's `generation` under which the entry was last found valid. */
  checkedGeneration: number;
  /** Whether readers get copies, each decoded from the payload. */
  readonly isCopied: boolean;
  /** The value, or its payload where `isCopied`. */
  readonly value: unknown;
  /** The value as awaited readers get it; `null` after the first of them, `undefined` before. */
  promise: Promise<unknown> | null | undefined = undefined;
  /** The moment as of which the value is known to have been current. */
  readonly asOfMs: number;
  /** Sequence number of the lease that dates the entry; 0 without one, then it lives by youth alone. */
  readonly lease: number;
  /** Events on the key up to this one are older than the value: its own number where it was `set`, else its lease. */
  readonly keySeq: number;
  readonly tags: readonly string[];
  older: MemoryEntry | undefined = undefined;
  newer: MemoryEntry | undefined = undefined;
  key = '';
  weight = 0;

  constructor(facts: MemoryEntryFacts) {
    this.expiresMs = facts.expiresMs;
    this.checkedGeneration = facts.checkedGeneration;
    this.isCopied = facts.isCopied;
    this.value = facts.value;
    this.asOfMs = facts.asOfMs;
    this.lease = facts.lease;
    this.keySeq = facts.keySeq;
    this.tags = facts.tags;
  }
}

type MemoryEntryFacts = Pick<
  MemoryEntry,
  'value' | 'expiresMs' | 'asOfMs' | 'lease' | 'keySeq' | 'tags' | 'isCopied' | 'checkedGeneration'
>;

export interface MemoryLimits {
  readonly maxEntries: number | undefined;
  readonly maxBytes: number | undefined;
}

/** Bytes an entry takes beside key and value: its object, its place in the LRU lists and in the hash table. */
const ENTRY_OVERHEAD_BYTES = 200;

/**
 * The in-process layer: entries in least-recently-used order, bounded by number, by estimated bytes, or both. It judges
 * nothing; whether an entry may be served is the engine's decision.
 */
export class MemoryLayer implements Forgetter {
  readonly #entries = new RecencyMap<MemoryEntry>();
  readonly #counters: MemoryCounters;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #isSized: boolean;
  readonly #estimateBytes: (value: unknown) => number;

  constructor(limits: MemoryLimits, counters: MemoryCounters, estimateBytes: (value: unknown) => number) {
    this.#counters = counters;
    this.#estimateBytes = estimateBytes;
    this.#maxEntries = limits.maxEntries ?? Number.POSITIVE_INFINITY;
    this.#maxBytes = limits.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#isSized = limits.maxBytes !== undefined;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Estimated bytes held; 0 when the bound is by entries alone, since nothing is estimated then. */
  get bytes(): number {
    return this.#entries.weight;
  }

  /** The entry, moved to the recent end. */
  get(key: string): MemoryEntry | undefined {
    return this.#entries.get(key);
  }

  /** Keeps the entry unless the one in place is dated later. Answers whether it was kept. */
  put(key: string, entry: MemoryEntry): boolean {
    const present = this.#entries.peek(key);
    if (present !== undefined && isLater(present, entry)) return false;
    const bytes = this.#isSized
      ? ENTRY_OVERHEAD_BYTES + this.#estimateBytes(key) + this.#estimateBytes(entry.value)
      : 0;
    if (bytes > this.#maxBytes) {
      // What stood under the key is older than what does not fit.
      this.#entries.delete(key);
      this.#counters.oversized++;
      return false;
    }
    this.#entries.put(key, entry, bytes, present);
    this.#makeRoom();
    return true;
  }

  /** Drops what is past its expiry. */
  expire(key: string): void {
    this.#entries.delete(key);
  }

  /** Drops what an own call or a later version has outdated. */
  invalidate(key: string): void {
    if (this.#entries.delete(key)) this.#counters.invalidated++;
  }

  /** Drops the entry of `key` if its load began before `beganMs`: something loaded later stays. */
  dropOlder(key: string, beganMs: number): void {
    const present = this.#entries.peek(key);
    if (present !== undefined && present.asOfMs <= beganMs) this.#entries.delete(key);
  }

  forget(key: string, seq: number): void {
    const present = this.#entries.peek(key);
    if (present === undefined || present.keySeq >= seq) return;
    this.#entries.delete(key);
    this.#counters.invalidated++;
  }

  /** Drops every entry whose key `isConcerned`. */
  forgetWhere(isConcerned: (key: string) => boolean): void {
    for (const key of [...this.#entries.keys()]) {
      if (isConcerned(key) && this.#entries.delete(key)) this.#counters.invalidated++;
    }
  }

  forgetAll(): void {
    this.#counters.invalidated += this.#entries.size;
    this.#entries.clear();
  }

  /** Drops from the old end what is over the bounds; never what was put last, which fits by itself. */
  #makeRoom(): void {
    const entries = this.#entries;
    while (entries.size > this.#maxEntries || entries.weight > this.#maxBytes) {
      const { oldest } = entries;
      if (oldest === undefined) return;
      entries.delete(oldest.key);
      this.#counters.evictions++;
    }
  }
}

function isLater(present: MemoryEntry, candidate: MemoryEntry): boolean {
  if (present.keySeq !== candidate.keySeq) return present.keySeq > candidate.keySeq;
  return present.asOfMs > candidate.asOfMs;
}
