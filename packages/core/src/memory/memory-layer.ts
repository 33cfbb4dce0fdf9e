import { LRUCache } from 'lru-cache';
import type { Forgetter } from '../coherence/view.ts';
import type { MemoryCounters } from '../stats.ts';

/** No expiry; the largest number that still fits a small integer everywhere. */
export const NEVER_MS: number = 2 ** 31 - 1;

/**
 * One value in memory with what its freshness is judged by. Times are whole milliseconds since the cache was created,
 * which keeps them small integers for the first 24 days.
 */
export class MemoryEntry {
  /** The value, or its payload where `isCopied`. */
  readonly value: unknown;
  readonly expiresMs: number;
  /** The moment as of which the value is known to have been current. */
  readonly asOfMs: number;
  /** Sequence number of the lease that dates the entry; 0 without one, then it lives by youth alone. */
  readonly lease: number;
  /** Events on the key up to this one are older than the value: its own number where it was `set`, else its lease. */
  readonly keySeq: number;
  readonly tags: readonly string[];
  /** Whether readers get copies, each decoded from the payload. */
  readonly isCopied: boolean;
  /** The view's `generation` under which the entry was last found valid. */
  checkedGeneration: number;

  constructor(facts: {
    value: unknown;
    expiresMs: number;
    asOfMs: number;
    lease: number;
    keySeq: number;
    tags: readonly string[];
    isCopied: boolean;
    checkedGeneration: number;
  }) {
    this.value = facts.value;
    this.expiresMs = facts.expiresMs;
    this.asOfMs = facts.asOfMs;
    this.lease = facts.lease;
    this.keySeq = facts.keySeq;
    this.tags = facts.tags;
    this.isCopied = facts.isCopied;
    this.checkedGeneration = facts.checkedGeneration;
  }
}

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
  readonly #entries: LRUCache<string, MemoryEntry>;
  readonly #counters: MemoryCounters;
  readonly #isSized: boolean;
  readonly #estimateBytes: (value: unknown) => number;

  constructor(limits: MemoryLimits, counters: MemoryCounters, estimateBytes: (value: unknown) => number) {
    this.#counters = counters;
    this.#estimateBytes = estimateBytes;
    this.#isSized = limits.maxBytes !== undefined;
    const onEviction = (_entry: MemoryEntry, _key: string, reason: string): void => {
      if (reason === 'evict') counters.evictions++;
    };
    // The type of the options forbids an unbounded cache, and wants it spelled per case.
    if (limits.maxBytes === undefined) {
      this.#entries = new LRUCache({ max: limits.maxEntries as number, dispose: onEviction });
    } else if (limits.maxEntries === undefined) {
      this.#entries = new LRUCache({ maxSize: limits.maxBytes, dispose: onEviction });
    } else {
      this.#entries = new LRUCache({ max: limits.maxEntries, maxSize: limits.maxBytes, dispose: onEviction });
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Estimated bytes held; 0 when the bound is by entries alone, since nothing is estimated then. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** The entry, moved to the recent end. */
  get(key: string): MemoryEntry | undefined {
    return this.#entries.get(key);
  }

  /** Keeps the entry unless the one in place is dated later. Answers whether it was kept. */
  put(key: string, entry: MemoryEntry): boolean {
    const present = this.#entries.peek(key);
    if (present !== undefined && isLater(present, entry)) return false;
    if (!this.#isSized) {
      this.#entries.set(key, entry);
      return true;
    }
    const size = ENTRY_OVERHEAD_BYTES + this.#estimateBytes(key) + this.#estimateBytes(entry.value);
    this.#entries.set(key, entry, { size });
    // lru-cache refuses what is larger than the whole bound, and drops what stood under the key.
    const isKept = this.#entries.has(key);
    if (!isKept) this.#counters.oversized++;
    return isKept;
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
}

function isLater(present: MemoryEntry, candidate: MemoryEntry): boolean {
  if (present.keySeq !== candidate.keySeq) return present.keySeq > candidate.keySeq;
  return present.asOfMs > candidate.asOfMs;
}
