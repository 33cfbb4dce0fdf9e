import type { HistoryEvent } from '../history/events.ts';
import type { RemoteAddress } from './lab.ts';

/** Where the entries of a run are stored. */
export type StoreName = 'redis' | 'memcached';

/** What an instance is told when it starts. */
export interface InstanceConfig {
  /** Its name in the log; a restarted process has another. */
  readonly instance: string;
  readonly cacheName: string;
  /** Through its proxies. */
  readonly remote: RemoteAddress;
  /** Through its proxy; `undefined` where entries are stored in Redis. */
  readonly memcachedServers: string | undefined;
  readonly leaseMs: number;
  readonly commandTimeoutMs: number;
  readonly keys: number;
  readonly maxEntries: number;
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  readonly seed: number;
  /** A read that takes longer counts as hung. */
  readonly deadlineMs: number;
  /** Breaks the instance on purpose, to see whether the checks notice. */
  readonly sabotage: Sabotage;
}

/**
 * - `deaf`: hears no message of the bus, and the events its tails bring name nothing.
 * - `unused`: keeps its entries in Redis, whatever the run is about.
 */
export type Sabotage = 'none' | 'deaf' | 'unused';

/** What an instance counts between two reports. */
export interface Counters {
  reads: number;
  /** Reads that found nothing, where finding nothing is an answer. */
  misses: number;
  loads: number;
  writes: number;
  /** Guarded writes that were refused because no fence could be closed. */
  refused: number;
  hung: number;
  failed: number;
  /** Longest read, in ms. */
  maxReadMs: number;
  /** Reads answered by the layer the run is about. */
  sharedHits: number;
  /** Entries that it stored. */
  sharedStored: number;
}

export function noCounters(): Counters {
  return {
    reads: 0,
    misses: 0,
    loads: 0,
    writes: 0,
    refused: 0,
    hung: 0,
    failed: 0,
    maxReadMs: 0,
    sharedHits: 0,
    sharedStored: 0,
  };
}

/** Calls that an instance makes to the run. */
export interface RunCalls {
  /** The newest committed version of a key. */
  load(key: string): number;
  /**
   * Commits a new version of each key and answers them; `undefined` when one is locked by a `set` of somebody else.
   * With `forSet` the keys stay locked until `unlock`.
   */
  commit(request: { readonly keys: readonly string[]; readonly forSet: boolean }): readonly number[] | undefined;
  unlock(keys: readonly string[]): void;
  report(report: InstanceReport): void;
}

export interface InstanceReport {
  readonly events: readonly HistoryEvent[];
  readonly counters: Counters;
  /** What reads failed or hung with, a few examples. */
  readonly complaints: readonly string[];
}

interface InstanceHealth {
  readonly state: 'coherent' | 'suspect' | 'offline' | 'closed';
  readonly journaled: number;
  /** Calls that have not been answered. */
  readonly open: number;
}

/** Keys whose commits still want an invalidation, with the committed versions. */
export interface Orphans {
  readonly keys: readonly string[];
  readonly versions: readonly number[];
}

/** Calls that the run makes to an instance. */
export interface InstanceCalls {
  /** Ends the load; what is under way goes on. */
  rest(nothing: null): void;
  health(nothing: null): InstanceHealth;
  /** Invalidates keys for a process that died before it could. */
  deliver(orphans: Orphans): Promise<void>;
  /** Reads every key once. */
  readAll(nothing: null): Promise<void>;
  /** Sends what is still to be reported. */
  flush(nothing: null): void;
  /** Puts a value under a probe key into memory. */
  warm(key: string): Promise<void>;
  /** Resolves when memory no longer answers the key: at what time, or `undefined` when it never stopped. */
  watch(request: { readonly key: string; readonly timeoutMs: number }): Promise<number | undefined>;
  /** Deletes a probe key; `undefined` when it was not delivered. */
  drop(key: string): Promise<{ readonly beganMs: number; readonly deliveredMs: number } | undefined>;
}

/** How the values of the run look. */
export interface RunValue {
  readonly version: number;
  readonly loadBeganMs: number;
}

/** The names of key number `index`, its tags and its prefix. */
export function keyNames(index: number): {
  readonly key: string;
  readonly tags: readonly string[];
  readonly prefix: string;
} {
  const prefix = `area:${index % AREAS}:`;
  return { key: `${prefix}item:${index}`, tags: [`group:${index % GROUPS}`, `kind:${index % KINDS}`], prefix };
}

export const AREAS = 4;
export const GROUPS = 5;
export const KINDS = 3;
