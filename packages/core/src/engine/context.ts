import type { Emitter } from '../emitter.ts';
import { type MemoryEntry, type MemoryLayer, NEVER_MS } from '../memory/memory-layer.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Counters } from '../stats.ts';
import type { Recorder } from '../telemetry/recorder.ts';
import type { Partition } from './partition.ts';
import type { Values } from './values.ts';

/** What reads, loads and writes of one cache share. */
export interface EngineContext {
  readonly options: ResolvedOptions;
  readonly counters: Counters;
  readonly emitter: Emitter;
  readonly recorder: Recorder;
  readonly memory: MemoryLayer;
  readonly values: Values;
  /** Wall time that entry times count from. */
  readonly originMs: number;
  /** The partition of every key, where there is but one. */
  readonly single: Partition | undefined;
  partitionOf(key: string): Partition;
  isClosed(): boolean;
}

/** Lifetimes of one entry, validated. */
export interface Lifetime {
  /** `undefined` means for ever. */
  readonly ttlMs: number | undefined;
  /** Cap in memory; `undefined` for none. */
  readonly memoryTtlMs: number | undefined;
}

/** The moment, counted from the origin, at which memory forgets something written `nowMs` that lives `remainingMs`. */
export function memoryExpiry(
  context: EngineContext,
  nowMs: number,
  remainingMs: number | undefined,
  memoryTtlMs: number | undefined,
): number {
  const cap = memoryTtlMs ?? context.options.memory.ttlMs;
  const ms = Math.min(remainingMs ?? Number.POSITIVE_INFINITY, cap ?? Number.POSITIVE_INFINITY);
  return ms === Number.POSITIVE_INFINITY ? NEVER_MS : nowMs - context.originMs + ms;
}

/** Wall time as of which an entry is known to have been current. */
export function asOfWallMs(context: EngineContext, entry: MemoryEntry): number {
  return entry.asOfMs + context.originMs;
}
