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

/** What one event makes everybody forget. All names are scoped (see `keys.ts`). */
export interface Invalidation {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly prefixes: readonly string[];
  /** Globs that are no prefix, see `glob.ts`. */
  readonly patterns: readonly string[];
  /** The whole cache, every namespace included. */
  readonly clear: boolean;
}

/**
 * What an event does to the fences beside invalidating. A closed fence covers the keys, tags and prefixes of the event
 * that closed it: fills and sets of what it covers are refused, and loads begun under it are kept nowhere.
 */
export type FenceChange =
  | {
      readonly kind: 'close';
      /** Unique; only a lift of this id or the end of its life opens the fence. */
      readonly id: string;
      /** Whole milliseconds it stays closed unless it is renewed. */
      readonly lifeMs: number;
      /** Whether loads of what it covers are not even shared between readers of one instance. */
      readonly isExclusive: boolean;
    }
  | { readonly kind: 'lift'; readonly id: string };

/** A closed fence as a snapshot shows it. */
export interface ClosedFence {
  readonly id: string;
  readonly isExclusive: boolean;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly prefixes: readonly string[];
}

/** An invalidation with its place in the sequence of its partition. */
export interface SequencedEvent {
  readonly epoch: string;
  readonly seq: number;
  readonly invalidation: Invalidation;
  readonly fence: FenceChange | undefined;
}

/** An event as a message tells of it. */
export interface BusMessage extends SequencedEvent {
  /** W3C traceparents of the work that caused it, see `wire/event.ts`; left out where nobody records it. */
  readonly origins?: readonly string[];
}

/** The answer to an invalidation: the epoch and the sequence number it got. */
export interface SequencedReply {
  readonly epoch: string;
  readonly seq: number;
}

/** Who asks: registers the instance for as long as it keeps asking. */
export interface Member {
  /** Unique to one cache object in one process. */
  readonly id: string;
  /** Its own Δ. */
  readonly leaseMs: number;
}

/** A registered member as the authority last heard of it. */
export interface MemberStatus {
  readonly id: string;
  /** What it had applied of the current epoch when it last asked for a tail; -1 when it was in another one. */
  readonly applied: number;
  readonly leaseMs: number;
  /** Since it last asked, by the authority's clock. */
  readonly silentMs: number;
}

/** The members of one partition. */
export interface MembersReply {
  readonly members: readonly MemberStatus[];
  /** How long ago the epoch or the list of members began, whichever was later: who was there before asks again. */
  readonly ageMs: number;
}

export interface TailRequest {
  readonly member: Member;
  /** The epoch of the view, or `undefined` before the first tail. */
  readonly epoch: string | undefined;
  /** All events up to this sequence number have been applied. */
  readonly applied: number;
  /** Whether a snapshot has to bring the fence slots: up to 16,384 numbers. Default false. */
  readonly withSlots?: boolean;
}

/** Everything that later events would be needed for, as of one sequence number. */
export interface Snapshot {
  readonly tags: ReadonlyMap<string, number>;
  readonly prefixes: ReadonlyMap<string, number>;
  readonly patterns: ReadonlyMap<string, number>;
  readonly fences: readonly ClosedFence[];
  readonly clear: number;
  /** Hashed bucket (see `slots.ts`) → highest version pruned from it. */
  readonly floors: ReadonlyMap<number, number>;
  /** Fence slot → the last event on any key of it, without those that have had none; empty unless asked for. */
  readonly slots: ReadonlyMap<number, number>;
}

export interface TailReply {
  readonly epoch: string;
  /** Identity of the authority's history; a restart or a failover changes it. */
  readonly timeline: string;
  readonly seq: number;
  /** Clock of the authority at that moment, Unix milliseconds. Dates expiry only, never coherence. */
  readonly authorityMs: number;
  /** Δ of the other live members where it is another one than the asking member's; else `undefined`. */
  readonly conflictingLeaseMs: number | undefined;
  /** The events after `applied`, ascending without holes, perhaps not yet all of them up to `seq`. */
  readonly events: readonly SequencedEvent[];
  /** Given instead of events when epoch or log no longer reach. */
  readonly snapshot: Snapshot | undefined;
}

export interface CoordinatorListener {
  /** A message of the bus, in any order, perhaps twice, perhaps never. */
  onMessage(message: BusMessage): void;
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
 * `REMOTE_TIMEOUT` or `REMOTE_REJECTED`; `CONFIG_CONFLICT` for state that a release of another format has written. After a rejection the command may or may not have run, and never runs later
 * than its connection lives: nothing is resent.
 */
export interface Coordinator {
  /** Name of the channel that events are told on, for telemetry. */
  readonly channel: string;
  /** Connects the receive side. Called once, before anything else. */
  listen(listener: CoordinatorListener): void;
  /** What happened after `applied`; the proof that nothing is missing up to the moment the request was sent. */
  tail(request: TailRequest): Promise<TailReply>;
  /**
   * Gives the event the next sequence number, drops its keys, closes their fence slots, changes a closed fence if asked,
   * logs and publishes it. `origins` go along with the message and nowhere else; an implementation may drop them.
   */
  invalidate(
    invalidation: Invalidation,
    fence: FenceChange | undefined,
    origins?: readonly string[],
  ): Promise<SequencedReply>;
  /**
   * Messages do not come although events happen: the subscription is to be made anew. A slot of a cluster that moved away
   * takes it along without a word. Does nothing where a bus cannot go deaf.
   */
  renewBus(): void;
  /** Gives a closed fence another `lifeMs` from now; answers false when it is not there any more. */
  renewFence(id: string, lifeMs: number): Promise<boolean>;
  /** All registered members. Those silent for an hour are forgotten. */
  members(): Promise<MembersReply>;
  /** Forgets a member that serves nothing any more; nothing it asked for before is answered later. */
  leave(memberId: string): Promise<void>;
}
