import type { Lease } from '../coherence/coordinator.ts';
import type { MemoryEntry } from '../memory/memory-layer.ts';

/** An entry that may be served, and where it came from. */
export interface Found {
  readonly entry: MemoryEntry;
  /** `memory`, or the name of the shared layer. */
  readonly layer: string;
  /** As the shared layer holds it; `undefined` where it came from memory. */
  readonly stored: StoredEntry | undefined;
}

/** An entry of a shared layer, ready to be copied into another one. */
export interface StoredEntry {
  /** Up to when nothing happened to its key, as far as was known when it was asked for. */
  readonly lease: Lease;
  /** What is left of its life, in whole milliseconds; 0 for ever. */
  readonly ttlMs: number;
  readonly bytes: Uint8Array;
  isCopied: boolean;
}
