import type { Machine } from './machine.ts';

/** What one case came to. */
export interface MeasuredRow {
  readonly eventsPerSecond: number;
  /** Keys that were read over and over. */
  readonly keys: number;
  readonly seconds: number;
  readonly events: number;
  /** Keys that were loaded again. */
  readonly loads: number;
  /** Of these, reads that went to the loader because nothing was proved. */
  readonly unproved: number;
}

/** A run of `false-invalidations.ts`. */
export interface FalseInvalidations {
  readonly machine: Machine;
  readonly startedAt: string;
  /** Of one partition. */
  readonly buckets: number;
  readonly rows: readonly MeasuredRow[];
}

/** Entries a minute that events on other keys void, where each is loaded again at once. */
export function expectedAMinute(eventsPerSecond: number, keys: number, buckets: number): number {
  return (60 * eventsPerSecond * keys) / buckets;
}

export function measuredAMinute({ loads, unproved, seconds }: MeasuredRow): number {
  return (60 * (loads - unproved)) / seconds;
}

/** Seconds until an event hits the bucket of an entry, on average. */
export function lifeS(eventsPerSecond: number, buckets: number): number {
  return buckets / eventsPerSecond;
}
