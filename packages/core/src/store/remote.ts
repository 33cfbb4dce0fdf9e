import type { Clock } from '../clock.ts';
import type { Coordinator } from '../coherence/coordinator.ts';
import type { CacheError } from '../errors.ts';
import type { Store } from './store.ts';

/** What a remote needs to know of the cache that opens it. */
export interface RemoteContext {
  /** The cache's name, the first part of every stored key. */
  readonly cacheName: string;
  readonly leaseMs: number;
  /** Events the log keeps for readers that fell behind. */
  readonly logEvents: number;
  /** Versions of tags and prefixes kept before the oldest are folded into floors. */
  readonly maxVersions: number;
  readonly clock: Clock;
  /** Reports faults that no call can be rejected for; `facts.server` is whose, where that is known. Never throws. */
  onError(error: CacheError): void;
  /**
   * Reports that the server answers again, or without one, the whole layer. Also called where no fault was reported. Until
   * it is, no further outage of that server is written to a log. Never throws.
   */
  onRecovered(server?: string): void;
}

/** One partition of a remote: the keys of it, their order, their values. */
export interface RemotePartition {
  readonly coordinator: Coordinator;
  readonly store: Store;
}

/** An open connection of one cache to its shared layer. */
export interface RemoteSession {
  readonly partitions: readonly RemotePartition[];
  /** The index in `partitions` that a scoped key belongs to. Equal on every instance. */
  partitionOf(key: string): number;
  /** Ends all connections; idempotent. */
  close(): Promise<void>;
}

/** A shared layer to be: what `redis()` and `inProcess()` return and `createCache({ remote })` takes. */
export interface Remote {
  /** Name of the layer in results, statistics and telemetry. */
  readonly name: string;
  /** Starts connecting and returns at once. Called once for every cache. */
  open(context: RemoteContext): RemoteSession;
}
