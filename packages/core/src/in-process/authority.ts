import { LRUCache } from 'lru-cache';
import { ClosedFences } from '../coherence/closed-fences.ts';
import type {
  BusMessage,
  FenceChange,
  Invalidation,
  MembersReply,
  SequencedEvent,
  SequencedReply,
  Snapshot,
  TailReply,
  TailRequest,
} from '../coherence/coordinator.ts';
import { matchesGlob } from '../coherence/glob.ts';
import { fenceSlot } from '../coherence/slots.ts';
import { type VersionSnapshot, Versions } from '../coherence/versions.ts';
import { CacheError } from '../errors.ts';
import type { FillOutcome, FillReply, SetOutcome, SetReply, StoreWrite } from '../store/store.ts';
import { tagsOf, withU64 } from '../wire/entry-bytes.ts';
import { decodeEnvelope, type Envelope, SEQ_OFFSET, VERSION_OFFSET } from '../wire/envelope.ts';
import { NOTHING } from '../wire/event.ts';
import { MemberList, type MemberListState } from './member-list.ts';

type Origins = NonNullable<BusMessage['origins']>;

export interface AuthorityOptions {
  /** 32 hexadecimal digits, another value at every call. */
  readonly randomEpoch: () => string;
  readonly logEvents: number;
  readonly maxVersions: number;
  readonly maxBytes: number;
}

/** Large events leave room for fewer: were all as large as the newest, their names would take so many characters. */
const MAX_LOG_SIZE = 16 * 1024 * 1024;
/** Most fences closed at a time. */
const MAX_FENCES = 256;

interface Stored {
  readonly bytes: Uint8Array;
  /** Unix milliseconds, infinite for never. */
  readonly expiresAtMs: number;
}

/** A closed fence with what its end makes everybody forget. */
interface Closed {
  readonly invalidation: Invalidation;
  readonly isExclusive: boolean;
  untilMs: number;
}

/** A copy of an authority's state, for simulations of restarts and failovers. */
export interface AuthorityState {
  readonly epoch: string;
  readonly timeline: string;
  readonly seq: number;
  readonly isLost: boolean;
  readonly log: readonly SequencedEvent[];
  readonly fence: ReadonlyMap<number, number>;
  readonly versions: VersionSnapshot;
  readonly closed: ReadonlyMap<string, Closed>;
  readonly members: MemberListState;
  readonly begunMs: number;
  readonly entries: readonly [string, LRUCache.Entry<Stored>][];
}

/**
 * The shared state of one partition as plain data: sequence, fence slots, log, versions and entries, with the same
 * operations and outcomes as the Lua scripts of `@tierwise/redis`. Every operation is one synchronous step.
 */
export class Authority {
  readonly #options: AuthorityOptions;
  readonly #fence = new Map<number, number>();
  readonly #entries: LRUCache<string, Stored>;
  readonly #listeners = new Set<(message: BusMessage) => void>();
  readonly #closed = new Map<string, Closed>();
  readonly #members = new MemberList();
  #begunMs = 0;
  #log: SequencedEvent[] = [];
  #versions: Versions;
  #epoch: string;
  #timeline: string;
  #seq = 0;
  #isLost = false;

  constructor(options: AuthorityOptions) {
    this.#options = options;
    this.#entries = new LRUCache({ maxSize: options.maxBytes });
    this.#versions = new Versions(options.maxVersions);
    this.#epoch = options.randomEpoch();
    this.#timeline = options.randomEpoch();
  }

  get timeline(): string {
    return this.#timeline;
  }

  subscribe(listener: (message: BusMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Loses everything, as a restart without persistence does. */
  restart(nowMs: number): void {
    this.#entries.clear();
    this.loseMembers();
    this.#begin(this.#options.randomEpoch(), this.#options.randomEpoch(), nowMs);
  }

  /**
   * What every script begins with: starts an epoch where state was lost, else compares timelines. Answers the state's
   * timeline where it is not the caller's; then nothing may be done.
   */
  open(timeline: string, epoch: string, nowMs: number): string | undefined {
    if (this.#isLost) this.#begin(epoch, timeline, nowMs);
    return this.#timeline === timeline ? undefined : this.#timeline;
  }

  /** Starts an epoch under timeline `to` if the state is still of timeline `from`; answers the epoch that holds. */
  adopt(from: string, epoch: string, to: string, nowMs: number): string {
    if (!this.#isLost && this.#timeline === from) this.#begin(epoch, to, nowMs);
    return this.#epoch;
  }

  /** Loses the sequence but not the entries, as an eviction of meta or fence does; the next `open` starts an epoch. */
  lose(): void {
    this.#isLost = true;
  }

  /** Loses the list of members alone. */
  loseMembers(): void {
    this.#members.lose();
  }

  /** Forgets one entry, as an eviction does. */
  evict(key: string): void {
    this.#entries.delete(key);
  }

  /** Keeps only the newest `events` of the log. */
  trim(events: number): void {
    this.#log = events === 0 ? [] : this.#log.slice(-events);
  }

  /** A copy of everything, as a snapshot file or a replica has it. */
  capture(): AuthorityState {
    return {
      epoch: this.#epoch,
      timeline: this.#timeline,
      seq: this.#seq,
      isLost: this.#isLost,
      log: [...this.#log],
      fence: new Map(this.#fence),
      versions: this.#versions.snapshot(),
      closed: new Map([...this.#closed].map(([id, fence]) => [id, { ...fence }])),
      members: this.#members.capture(),
      begunMs: this.#begunMs,
      entries: this.#entries.dump(),
    };
  }

  /** Becomes what `capture` copied. */
  restore(state: AuthorityState): void {
    this.#epoch = state.epoch;
    this.#timeline = state.timeline;
    this.#seq = state.seq;
    this.#isLost = state.isLost;
    this.#log = [...state.log];
    this.#fence.clear();
    for (const [slot, seq] of state.fence) this.#fence.set(slot, seq);
    this.#versions = new Versions(this.#options.maxVersions);
    this.#versions.merge(state.versions);
    this.#closed.clear();
    for (const [id, fence] of state.closed) this.#closed.set(id, { ...fence });
    this.#members.restore(state.members);
    this.#begunMs = state.begunMs;
    this.#entries.load([...state.entries]);
  }

  read(keys: readonly string[], nowMs: number): (Uint8Array | undefined)[] {
    return keys.map((key) => this.#stored(key, nowMs)?.bytes);
  }

  /** @throws {CacheError} `REMOTE_REJECTED` when too many fences are closed */
  invalidate(
    invalidation: Invalidation,
    fence: FenceChange | undefined,
    nowMs: number,
    origins?: Origins,
  ): SequencedReply {
    this.#liftExpired(nowMs);
    if (fence?.kind === 'close' && this.#closed.size >= MAX_FENCES) {
      throw new CacheError('REMOTE_REJECTED', 'too many fences are closed at a time');
    }
    const seq = this.#apply(invalidation, fence, origins);
    if (fence !== undefined) this.#closed.delete(fence.id);
    if (fence?.kind === 'close') {
      const { id, isExclusive, lifeMs } = fence;
      this.#closed.set(id, { invalidation, isExclusive, untilMs: nowMs + lifeMs });
    }
    return { epoch: this.#epoch, seq };
  }

  renewFence(id: string, lifeMs: number, nowMs: number): boolean {
    this.#liftExpired(nowMs);
    const fence = this.#closed.get(id);
    if (fence !== undefined) fence.untilMs = nowMs + lifeMs;
    return fence !== undefined;
  }

  fill(writes: readonly StoreWrite[], nowMs: number): FillReply {
    this.#liftExpired(nowMs);
    const outcomes = writes.map((write) => this.#judge(write, nowMs));
    for (const [index, write] of writes.entries()) {
      if (outcomes[index] === 'stored') this.#store(write, this.#keepVersion(write, nowMs), nowMs);
    }
    return { epoch: this.#epoch, seq: this.#seq, outcomes };
  }

  set(writes: readonly StoreWrite[], nowMs: number, origins?: Origins): SetReply {
    this.#liftExpired(nowMs);
    const outcomes = writes.map((write) => this.#judgeSet(write, nowMs));
    // What is stored stays, so nobody has anything to forget.
    if (outcomes.every((outcome) => outcome === 'outdated')) return { epoch: this.#epoch, seq: this.#seq, outcomes };
    const seq = this.#next();
    for (const [index, write] of writes.entries()) {
      if (outcomes[index] === 'stored') this.#store(write, withU64(write.bytes, seq, SEQ_OFFSET), nowMs);
      if (outcomes[index] === 'conflicted') this.#entries.delete(write.key);
      this.#fence.set(fenceSlot(write.key), seq);
    }
    this.#publish(seq, { ...NOTHING, keys: writes.map((write) => write.key) }, undefined, origins);
    return { epoch: this.#epoch, seq, outcomes };
  }

  tail(request: TailRequest, nowMs: number): TailReply {
    this.#liftExpired(nowMs);
    const conflictingLeaseMs = this.#members.register(request, nowMs);
    const reply = {
      epoch: this.#epoch,
      timeline: this.#timeline,
      seq: this.#seq,
      authorityMs: nowMs,
      conflictingLeaseMs,
    };
    const oldest = this.#log[0]?.seq ?? this.#seq + 1;
    const isReached = request.epoch === this.#epoch && request.applied >= oldest - 1 && request.applied <= this.#seq;
    if (!isReached) return { ...reply, events: [], snapshot: this.#snapshot(request.withSlots) };
    return { ...reply, events: this.#log.slice(request.applied - oldest + 1), snapshot: undefined };
  }

  members(nowMs: number): MembersReply {
    const { members, begunMs } = this.#members.list(this.#epoch, nowMs);
    return { members, ageMs: nowMs - Math.max(this.#begunMs, begunMs) };
  }

  leave(memberId: string): void {
    this.#members.leave(memberId);
  }

  /** Drops all entries whose key matches a glob; answers how many, of how many. */
  collect(pattern: string): { dropped: number; scanned: number } {
    const keys = [...this.#entries.keys()];
    const matching = keys.filter((key) => matchesGlob(pattern, key));
    for (const key of matching) this.#entries.delete(key);
    return { dropped: matching.length, scanned: keys.length };
  }

  #begin(epoch: string, timeline: string, nowMs: number): void {
    this.#isLost = false;
    this.#epoch = epoch;
    this.#timeline = timeline;
    this.#seq = 0;
    this.#log = [];
    this.#fence.clear();
    this.#closed.clear();
    this.#members.endAgreement();
    this.#begunMs = nowMs;
    this.#versions = new Versions(this.#options.maxVersions);
  }

  /** One event: drops its keys, closes their slots, raises versions, logs and publishes. */
  #apply(invalidation: Invalidation, fence: FenceChange | undefined, origins?: Origins): number {
    const seq = this.#next();
    for (const key of invalidation.keys) {
      this.#entries.delete(key);
      this.#fence.set(fenceSlot(key), seq);
    }
    this.#versions.raise(seq, invalidation);
    this.#publish(seq, invalidation, fence, origins);
    return seq;
  }

  /** The first step that finds a fence past its life writes its lift as an event. */
  #liftExpired(nowMs: number): void {
    for (const [id, { invalidation, untilMs }] of this.#closed) {
      if (untilMs > nowMs) continue;
      this.#closed.delete(id);
      this.#apply(invalidation, { kind: 'lift', id });
    }
  }

  #isCovered(key: string, tags: readonly string[]): boolean {
    if (this.#closed.size === 0) return false;
    const fences = new ClosedFences();
    fences.replace(this.#snapshot().fences);
    return fences.covers(key, tags, false);
  }

  #snapshot(withSlots = false): Snapshot {
    const fences = [...this.#closed].map(([id, { isExclusive, invalidation }]) => {
      const { keys, tags, prefixes } = invalidation;
      return { id, isExclusive, keys, tags, prefixes };
    });
    return { ...this.#versions.snapshot(), fences, slots: new Map(withSlots ? this.#fence : []) };
  }

  #next(): number {
    this.#seq += 1;
    return this.#seq;
  }

  #judge(write: StoreWrite, nowMs: number): FillOutcome {
    const { epoch, seq } = write.lease;
    if (epoch !== this.#epoch || seq > this.#seq) return 'voided';
    if (this.#isCovered(write.key, tagsOf(write.bytes))) return 'fenced';
    if ((this.#fence.get(fenceSlot(write.key)) ?? 0) > seq) return 'fenced';
    return (this.#envelope(write.key, nowMs)?.lease ?? 0) > seq ? 'superseded' : 'stored';
  }

  /** As a fill, but where both sides have a version of the caller's, that alone decides which one is newer. */
  #judgeSet(write: StoreWrite, nowMs: number): SetOutcome {
    const { epoch, seq } = write.lease;
    const given = decodeEnvelope(write.bytes);
    const stored = this.#envelope(write.key, nowMs)?.version;
    const isCurrent = epoch === this.#epoch && seq <= this.#seq;
    if (typeof given === 'object' && given.version !== undefined && stored !== undefined && isCurrent) {
      if (this.#isCovered(write.key, given.tags)) return 'conflicted';
      return given.version < stored ? 'outdated' : 'stored';
    }
    return this.#judge(write, nowMs) === 'stored' ? 'stored' : 'conflicted';
  }

  /**
   * A fill with the version of what it replaces: that was there when the load began, so the source had it, and a later set
   * with a lower one comes too late.
   */
  #keepVersion(write: StoreWrite, nowMs: number): Uint8Array {
    const version = this.#envelope(write.key, nowMs)?.version;
    return version === undefined ? write.bytes : withU64(write.bytes, version + 1, VERSION_OFFSET);
  }

  /** What is stored under a key, if it is an entry of this epoch. */
  #envelope(key: string, nowMs: number): Envelope | undefined {
    const stored = this.#stored(key, nowMs);
    if (stored === undefined) return undefined;
    const envelope = decodeEnvelope(stored.bytes);
    return typeof envelope === 'object' && envelope.epoch === this.#epoch ? envelope : undefined;
  }

  #stored(key: string, nowMs: number): Stored | undefined {
    const stored = this.#entries.get(key);
    if (stored === undefined || stored.expiresAtMs > nowMs) return stored;
    this.#entries.delete(key);
    return undefined;
  }

  #store(write: StoreWrite, bytes: Uint8Array, nowMs: number): void {
    const expiresAtMs = write.ttlMs === 0 ? Number.POSITIVE_INFINITY : nowMs + write.ttlMs;
    this.#entries.set(write.key, { bytes, expiresAtMs }, { size: bytes.byteLength + write.key.length });
  }

  #publish(seq: number, invalidation: Invalidation, fence: FenceChange | undefined, origins: Origins = []): void {
    const event = { epoch: this.#epoch, seq, invalidation, fence };
    this.#log.push(event);
    const most = Math.max(1, Math.min(this.#options.logEvents, Math.floor(MAX_LOG_SIZE / (1 + sizeOf(invalidation)))));
    // Trimmed by the half, so that the cost of moving what stays is shared by many events.
    if (this.#log.length >= 2 * most) this.#log = this.#log.slice(-most);
    const message = origins.length === 0 ? event : { ...event, origins };
    for (const listener of this.#listeners) listener(message);
  }
}

/** Characters of the names in an event. */
function sizeOf({ keys, tags, prefixes, patterns }: Invalidation): number {
  let size = 0;
  for (const names of [keys, tags, prefixes, patterns]) for (const name of names) size += name.length;
  return size;
}
