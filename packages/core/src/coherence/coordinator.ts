/**
 * The contract between the engine and the coherence authority of one partition: sequence, fences, log and bus.
 * Implementations: `@tierwise/redis` (Lua scripts) and `in-process/authority.ts`.
 */

/** The dating of an entry: the highest sequence number its instance knew when the load began. */
export interface Lease {
  /** 32 lower-case hexadecimal digits; leases of different epochs never compare. */
  readonly epoch: string;
  readonly seq: number;
}

/** What one event makes everybody forget. All keys, tags and prefixes are scoped (see `keys.ts`). */
export interface Invalidation {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly prefixes: readonly string[];
  /** The whole cache, every namespace included. */
  readonly clear: boolean;
}

/** An invalidation with its place in the sequence of its partition. */
export interface SequencedEvent {
  readonly epoch: string;
  readonly seq: number;
  readonly invalidation: Invalidation;
}

/** The answer to an invalidation: the epoch and the sequence number it got. */
export interface SequencedReply {
  readonly epoch: string;
  readonly seq: number;
}

export interface TailRequest {
  /** The epoch of the view, or `undefined` before the first tail. */
  readonly epoch: string | undefined;
  /** All events up to this sequence number have been applied. */
  readonly applied: number;
}

/** Everything that later events would be needed for, as of one sequence number. */
export interface Snapshot {
  readonly tags: ReadonlyMap<string, number>;
  readonly prefixes: ReadonlyMap<string, number>;
  readonly clear: number;
  /** Hashed bucket (see `slots.ts`) → highest version pruned from it. */
  readonly floors: ReadonlyMap<number, number>;
}

export interface TailReply {
  readonly epoch: string;
  /** Identity of the authority's history; a restart or a failover changes it. */
  readonly timeline: string;
  readonly seq: number;
  /** Clock of the authority at that moment, Unix milliseconds. Dates expiry only, never coherence. */
  readonly authorityMs: number;
  /** The events after `applied`, ascending without holes, perhaps not yet all of them up to `seq`. */
  readonly events: readonly SequencedEvent[];
  /** Given instead of events when epoch or log no longer reach. */
  readonly snapshot: Snapshot | undefined;
}

export interface CoordinatorListener {
  /** A message of the bus, in any order, perhaps twice, perhaps never. */
  onMessage(event: SequencedEvent): void;
  /** A message this version cannot read, or a sign that messages may be missing. */
  onDoubt(): void;
  /** A connection was established, the first or a later one: state on the other side may be another one. */
  onConnected(): void;
  /** A connection was lost or could not be established. */
  onDisconnected(): void;
}

/**
 * Orders the invalidations of one partition.
 *
 * Every method settles within the implementation's deadline and rejects with a `CacheError`: `REMOTE_UNAVAILABLE`,
 * `REMOTE_TIMEOUT` or `REMOTE_REJECTED`. After a rejection the command may or may not have run, and never runs later
 * than its connection lives: nothing is resent.
 */
export interface Coordinator {
  /** Connects the receive side. Called once, before anything else. */
  listen(listener: CoordinatorListener): void;
  /** What happened after `applied`; the proof that nothing is missing up to the moment the request was sent. */
  tail(request: TailRequest): Promise<TailReply>;
  /** Gives the event the next sequence number, drops its keys, closes their fence slots, logs and publishes it. */
  invalidate(invalidation: Invalidation): Promise<SequencedReply>;
}
