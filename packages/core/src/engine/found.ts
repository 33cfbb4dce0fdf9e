import type { MemoryEntry } from '../memory/memory-layer.ts';

/** An entry that may be served, and where it came from. */
export interface Found {
  readonly entry: MemoryEntry;
  /** `memory`, or the name of the shared layer. */
  readonly layer: string;
}
