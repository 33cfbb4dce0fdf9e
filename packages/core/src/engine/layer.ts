import type { LayerCounters } from '../stats.ts';

/** The shared layers of a keyspace by the names of their stores, top first; memory is above them. */
export type Stack = readonly string[];

/** What is told of a shared layer. */
export interface LayerFacts {
  /** The value of `cache.layer`, for example `redis`. */
  readonly name: string;
  /** The name of its store in the options. */
  readonly storeName: string;
  readonly counters: LayerCounters;
}
