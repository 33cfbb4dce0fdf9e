import { type Latency, LatencyHistogram } from './telemetry/latency.ts';

/** Counters of the in-process layer. All counts start at 0 when the cache is created and only grow. */
export interface MemoryCounters {
  /** Reads answered from memory. */
  hits: number;
  /** Reads that memory could not answer: nothing there, expired, invalidated, or neither proved nor young. */
  misses: number;
  /** Misses where an entry was there but could be neither proved nor called young; part of `misses`. */
  unproved: number;
  /** Misses where the entry was past its lifetime and was dropped; part of `misses`. */
  expired: number;
  /**
   * Misses where the entry was older than an invalidation of its tags, a prefix, a pattern or everything, and was dropped;
   * part of `misses`. An invalidation of the key drops the entry at once, and the read after it finds nothing.
   */
  stale: number;
  /** Entries dropped to make room. */
  evictions: number;
  /** Entries dropped by an event, a `clear` or a resynchronisation. */
  invalidated: number;
  /** Entries larger than the whole memory bound, not kept. */
  oversized: number;
}

/** Counters of the shared layer. */
export interface RemoteCounters {
  hits: number;
  /** Answers without a value that counts; the reasons below are part of this. */
  misses: number;
  /** Values older than an invalidation that this instance knows, or that belong to another epoch. */
  stale: number;
  /** Values not believed because the view was not proved, or changed while the read was under way. */
  unproved: number;
  /** Values past their expiry that the store still held. */
  expired: number;
  /** Values whose bytes could not be read: truncated, foreign, of a newer format, or refused by the codec. */
  unreadable: number;
  /** Reads that failed or were not possible; the loader was asked instead. */
  errors: number;
  /** Loaded values stored for all instances. */
  fills: number;
  /** Loaded values refused because something newer was known; they were kept nowhere. */
  fillsRefused: number;
  /** Writes that failed or got no answer. */
  writeErrors: number;
  /** Values not sent because they were too large: over `maxValueBytes`, or over what the layer takes. */
  oversized: number;
  /** Calls of the shared layer that failed, of every kind; one call may carry many keys. */
  failedCalls: number;
  /** Connections that were lost, and attempts to make one that failed. */
  connectionErrors: number;
}

/** Kinds of calls of the shared layer. */
export type StoreOperation = 'read' | 'fill' | 'set' | 'invalidate' | 'tail' | 'collect';

/** Counters of one shared layer. */
export interface LayerCounters {
  hits: number;
  /** Answers without a value that counts; the reasons below are part of this. */
  misses: number;
  /** As in `RemoteCounters`. */
  stale: number;
  expired: number;
  unproved: number;
  /** Keys that could not be read or written because the layer was away or refused them. */
  errors: number;
  /** Keys it was not asked for, because it had answered nothing for some time; part of `errors`. */
  skipped: number;
  /** Entries it stored: loaded ones, set ones, and copies of what a layer below it had. */
  stored: number;
  /** As in `RemoteCounters`. */
  oversized: number;
  failedCalls: number;
  connectionErrors: number;
}

/** Counters of the loader. */
export interface LoadCounters {
  started: number;
  /** Loads that threw, rejected or ran into `loadTimeout`. */
  failed: number;
  /** Reads that waited for a load another read had started. */
  shared: number;
  /**
   * Loads whose value was answered but not kept: an event on it came while they ran, the shared layer refused it, a newer
   * load or a closed fence stood in the way, or the cache was closed.
   */
  unkept: number;
}

export interface InvalidationCounters {
  /** Own calls confirmed by the coordinator; a `set` is one too. */
  sent: number;
  /** Messages of the bus that had an effect here; own ones come back and count as well. */
  received: number;
  /** Own calls that were journaled because they could not be confirmed. */
  undelivered: number;
  /** Times the bus skipped a message and a tail had to fill the gap. */
  gaps: number;
  /** Times the view had to be rebuilt from a snapshot, which empties memory. */
  resyncs: number;
}

/** All counters of one cache, its namespaces and keyspaces included. */
export interface Counters {
  readonly memory: MemoryCounters;
  /** All shared layers together; a read that asks two of them counts in both. */
  readonly remote: RemoteCounters;
  /** Each shared layer, by the name of its store in the options. */
  readonly layers: Readonly<Record<string, LayerCounters>>;
  readonly loads: LoadCounters;
  readonly invalidations: InvalidationCounters;
  /** Errors thrown by listeners of `on`; they never reach the operation that told them. */
  listenerErrors: number;
  /** Errors thrown by telemetry or by the logger; they never reach the operation they are about. */
  telemetryErrors: number;
  /** How long each kind of call of the shared layer took; one call may carry many keys. */
  readonly storeLatency: Readonly<Record<StoreOperation, LatencyHistogram>>;
  /** How long loads took, turns waited for included. */
  readonly loadLatency: LatencyHistogram;
  /** How long own events took to come back as a message. */
  readonly propagation: LatencyHistogram;
}

/** What `stats()` answers: the counters, and what is held right now. */
export interface CacheStats {
  readonly memory: Readonly<MemoryCounters> & {
    readonly entries: number;
    /** Estimated; 0 unless `maxBytes` is set. */
    readonly bytes: number;
    /** Hits of all reads that asked this layer, 0 to 1; 0 before the first. */
    readonly hitRatio: number;
  };
  readonly remote: Readonly<RemoteCounters> & {
    /** Name of the shared layer, for example `redis`. */
    readonly name: string;
    readonly hitRatio: number;
    /** Of each kind of call that was answered. Hits in memory are too fast to be timed one by one. */
    readonly latency: Readonly<Record<StoreOperation, Latency>>;
  };
  /** Each shared layer, by the name of its store in the options; `remote` where there is only that one. Its `name` is its kind. */
  readonly layers: Readonly<
    Record<string, Readonly<LayerCounters> & { readonly name: string; readonly hitRatio: number }>
  >;
  readonly loads: Readonly<LoadCounters> & {
    /** Loads under way. */
    readonly running: number;
    readonly latency: Latency;
  };
  readonly invalidations: Readonly<InvalidationCounters> & {
    /** Names waiting in the journal for the coordinator to come back. */
    readonly journaled: number;
    /** From sending an own event until its message came back: how fast the bus is, on one clock. */
    readonly propagation: Latency;
  };
  readonly listenerErrors: number;
  readonly telemetryErrors: number;
  /** Reads answered by memory or the shared layer, of all that asked memory, 0 to 1. */
  readonly hitRatio: number;
}

export function createCounters(stores: readonly string[] = ['remote']): Counters {
  return {
    layers: Object.fromEntries(stores.map((store) => [store, noLayerCounts()])),
    memory: { hits: 0, misses: 0, unproved: 0, expired: 0, stale: 0, evictions: 0, invalidated: 0, oversized: 0 },
    remote: {
      hits: 0,
      misses: 0,
      stale: 0,
      unproved: 0,
      expired: 0,
      unreadable: 0,
      errors: 0,
      fills: 0,
      fillsRefused: 0,
      writeErrors: 0,
      oversized: 0,
      failedCalls: 0,
      connectionErrors: 0,
    },
    loads: { started: 0, failed: 0, shared: 0, unkept: 0 },
    invalidations: { sent: 0, received: 0, undelivered: 0, gaps: 0, resyncs: 0 },
    listenerErrors: 0,
    telemetryErrors: 0,
    storeLatency: {
      read: new LatencyHistogram(),
      fill: new LatencyHistogram(),
      set: new LatencyHistogram(),
      invalidate: new LatencyHistogram(),
      tail: new LatencyHistogram(),
      collect: new LatencyHistogram(),
    },
    loadLatency: new LatencyHistogram(),
    propagation: new LatencyHistogram(),
  };
}

/** What several histograms hold. */
export function readAll<N extends string>(histograms: Readonly<Record<N, LatencyHistogram>>): Record<N, Latency> {
  const names = Object.keys(histograms) as N[];
  return Object.fromEntries(names.map((name) => [name, histograms[name].read()])) as Record<N, Latency>;
}

function noLayerCounts(): LayerCounters {
  return {
    hits: 0,
    misses: 0,
    stale: 0,
    expired: 0,
    unproved: 0,
    errors: 0,
    skipped: 0,
    stored: 0,
    oversized: 0,
    failedCalls: 0,
    connectionErrors: 0,
  };
}

/** Part of a whole, 0 when there is no whole. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
