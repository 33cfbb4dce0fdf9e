import { decodeEnvelope, type Invalidation, matchesGlob, type SequencedEvent } from 'tierwise/driver';
import type { History } from './history.ts';
import type { Scheduler } from './scheduler.ts';

/** Where a value came from: a load or a `set`. Every value in the simulated world carries the number of its origin. */
export interface Origin {
  readonly id: number;
  readonly kind: 'load' | 'set';
  readonly key: string;
  readonly instance: number;
  /** True time at which the load or the call of `set` began. */
  readonly beganMs: number;
  tags: readonly string[];
  /** The version that the caller's `set` named. */
  readonly rank: number | undefined;
}

/** A value as it is cached: the number of its origin, and the version of the source it holds. */
export interface SimValue {
  readonly origin: number;
  readonly version: number;
}

/** One invalidation in the order of the server, at true time. */
interface TrueEvent {
  readonly atMs: number;
  readonly epoch: string;
  readonly seq: number;
  readonly invalidation: Invalidation;
  /** The sets that this event announces: it does not invalidate its own values. */
  readonly own: Set<number>;
  /** Versions that sets of this event named, by key: it does not invalidate what has as high a one. */
  readonly ranks: Map<string, number>;
  /** When each instance was told of it in a way that counts. */
  readonly heardMs: Map<number, number>;
}

/** One call that has resolved on an instance and binds its later reads. */
interface OwnCall {
  readonly calledMs: number;
  readonly resolvedMs: number;
  readonly invalidation: Invalidation;
  readonly own: Origin | undefined;
}

/** A read under way. */
export interface Read {
  readonly instance: number;
  readonly beganMs: number;
  /** Latest beginning of a load that this instance had answered each key with when the read began. */
  readonly floor: ReadonlyMap<string, number>;
}

export interface Violation {
  readonly rule: string;
  readonly atMs: number;
  readonly text: string;
  /** What to look for in the history. */
  readonly words: readonly string[];
}

/**
 * Knows the true history and judges every answer and every stored entry by it, never by what the engine says of itself.
 *
 * Time is true time. `beganMs` of a value is when its load began, or its `set` was called; an event covers a value if it
 * names its key, one of its tags, a prefix of its key, or everything. With `e` the first event that covers a value and
 * was sequenced after it began, an answer to a read `r` breaks
 * - G1 if `r` began more than Δ after `e` was sequenced (stricter than "reported": reported is later);
 * - G3 if an own call that covers the value, called after it began, had resolved when `r` began;
 * - G5 if this instance had answered the key with something begun after `e` before `r` began;
 * - "linear" if a linearizable write that names the value, committed after it began, had resolved when `r` began, and the
 *   instance was on the list of members by then;
 * - "heard" if a message, a tail or an own reply had told this instance of `e` before `r` began;
 * and an entry in the shared store breaks G2 if `e` names its key, or if `e` is not above its lease.
 */
export class Oracle {
  readonly violations: Violation[] = [];
  readonly #scheduler: Scheduler;
  readonly #history: History;
  readonly #leaseMs: number;
  readonly #origins: Origin[] = [];
  readonly #events: TrueEvent[] = [];
  readonly #floors = new Map<number, Map<string, number>>();
  readonly #ownCalls = new Map<number, OwnCall[]>();
  readonly #linearized: (OwnCall & { readonly listed: Set<number> })[] = [];
  /** Instances on the server's list of members, and since when each process runs. */
  readonly #listed = new Set<number>();
  readonly #startedMs = new Map<number, number>();
  /** Epoch of the last tail each instance was given. */
  readonly #tailEpochs = new Map<number, string>();
  /** Sets under way, by instance, where only the caller knows which event is theirs. */
  readonly #openSets = new Map<number, Set<Origin>>();
  answers = 0;

  constructor(options: { scheduler: Scheduler; history: History; leaseMs: number }) {
    this.#scheduler = options.scheduler;
    this.#history = options.history;
    this.#leaseMs = options.leaseMs;
  }

  /** A load or a `set` begins. */
  begin(kind: Origin['kind'], instance: number, key: string, tags: readonly string[], rank?: number): Origin {
    const origin = { id: this.#origins.length, kind, key, instance, beganMs: this.#scheduler.nowMs, tags, rank };
    this.#origins.push(origin);
    if (kind === 'set') this.#setsOf(instance).add(origin);
    return origin;
  }

  /**
   * The server gave an event its place. A set in a layer without scripts is an event like a deletion, so `sender` tells whose
   * sets under way it may be of: their values are not older than it. Of sets it is not of, none is kept anywhere.
   */
  sequenced({ epoch, seq, invalidation }: SequencedEvent, sender: number | undefined): void {
    const atMs = this.#scheduler.nowMs;
    this.#events.push({
      atMs,
      epoch,
      seq,
      invalidation,
      own: this.#ownBy(sender, invalidation),
      ranks: new Map(),
      heardMs: new Map(),
    });
    const { keys, tags, prefixes, patterns, clear } = invalidation;
    const all = [...keys, ...tags.map((tag) => `#${tag}`), ...prefixes.map((prefix) => `${prefix}*`), ...patterns];
    if (clear) all.push('everything');
    this.#history.add(atMs, 'server', `event ${this.#history.epoch(epoch)}:${seq}`, all.join(','));
  }

  #ownBy(sender: number | undefined, { keys }: Invalidation): Set<number> {
    const sets = sender === undefined ? [] : [...this.#setsOf(sender)];
    return new Set(sets.filter(({ key }) => keys.includes(key)).map(({ id }) => id));
  }

  #setsOf(instance: number): Set<Origin> {
    const sets = this.#openSets.get(instance) ?? new Set();
    this.#openSets.set(instance, sets);
    return sets;
  }

  /** A fill or set has left an entry in the shared store, in the place of `before`. */
  stored(key: string, bytes: Uint8Array, ownSeq: number, before: Uint8Array | undefined): void {
    const { origin, lease, epoch } = this.#entry(bytes);
    const date = `${this.#history.epoch(epoch)}:${lease}`;
    this.#history.add(this.#scheduler.nowMs, 'server', ownSeq > 0 ? 'set' : 'fill', key, `o${origin.id}`, date);
    const replaced = before === undefined ? undefined : this.#entry(before);
    // Between two sets with versions these alone decide, whatever was invalidated: both are newer than that by rank.
    const isRanked = replaced?.epoch === epoch && replaced.origin.rank !== undefined && origin.rank !== undefined;
    if (isRanked && Number(replaced.origin.rank) > Number(origin.rank)) {
      this.#report('rank', `${key} went back from o${replaced.origin.id} to o${origin.id}`, [key]);
    }
    for (let i = this.#events.length - 1; i >= 0; i--) {
      const event = this.#events[i] as TrueEvent;
      if (event.atMs <= origin.beganMs) break;
      const isOwn = ownSeq > 0 && event.seq === ownSeq && event.epoch === epoch;
      if (isOwn && origin.rank !== undefined) event.ranks.set(key, origin.rank);
      if (isOwn || (isRanked && event.invalidation.keys.includes(key))) event.own.add(origin.id);
      if (!covers(event, origin)) continue;
      const isBelieved = event.invalidation.keys.includes(key) || event.epoch !== epoch || lease >= event.seq;
      if (!isBelieved) continue;
      const words = [key, this.#nameOf(event).split(' ')[0] ?? ''];
      this.#report('G2', `${key} is stored from o${origin.id}, older than event ${this.#nameOf(event)}`, words);
    }
  }

  /** A set was refused since what is stored has a higher version, and stays. */
  outdated(key: string, bytes: Uint8Array, ownSeq: number): void {
    const { origin, epoch } = this.#entry(bytes);
    const event = this.#events.findLast(({ seq, epoch: own }) => seq === ownSeq && own === epoch);
    if (event !== undefined && origin.rank !== undefined) event.ranks.set(key, origin.rank);
  }

  /** A message got to an instance. */
  heardMessage(instance: number, epoch: string, seq: number): void {
    if (this.#tailEpochs.get(instance) !== epoch) return;
    for (const event of this.#events) if (event.epoch === epoch && event.seq === seq) this.#hear(event, instance);
  }

  /** A tail's reply got to an instance: all events up to `seq`, or a page of them up to there. */
  heardTail(instance: number, epoch: string, seq: number): void {
    this.#tailEpochs.set(instance, epoch);
    this.#history.add(
      this.#scheduler.nowMs,
      `i${instance}`,
      'tail',
      `${this.#history.epoch(epoch)}:${seq}`,
      `i${instance}`,
    );
    for (const event of this.#events) if (event.epoch === epoch && event.seq <= seq) this.#hear(event, instance);
  }

  /** A process started anew and knows nothing. */
  forgetInstance(instance: number): void {
    this.#floors.delete(instance);
    this.#openSets.delete(instance);
    this.#ownCalls.delete(instance);
    this.#tailEpochs.delete(instance);
    this.#startedMs.set(instance, this.#scheduler.nowMs);
    this.#listed.delete(instance);
    for (const { listed } of this.#linearized) listed.delete(instance);
    for (const event of this.#events) event.heardMs.delete(instance);
  }

  /** A tail over a connection made at `madeMs` was answered: its sender, if it still lives, is known to the server. */
  listed(instance: number, madeMs: number): void {
    if (madeMs >= (this.#startedMs.get(instance) ?? 0)) this.#listed.add(instance);
  }

  /** The server has lost its list of members, or has an older one. */
  loseMembers(): void {
    this.#listed.clear();
  }

  /** An invalidation or `set` resolved for its caller. */
  resolved(instance: number, call: Omit<OwnCall, 'resolvedMs'>): void {
    if (call.own !== undefined) this.#setsOf(instance).delete(call.own);
    const calls = this.#ownCalls.get(instance) ?? [];
    calls.push({ ...call, resolvedMs: this.#scheduler.nowMs });
    this.#ownCalls.set(instance, calls);
  }

  /** A guarded write has resolved as linearized: no instance that is registered answers the old value any more. */
  linearized(invalidation: Invalidation, committedMs: number): void {
    const listed = new Set(this.#listed);
    const resolvedMs = this.#scheduler.nowMs;
    this.#linearized.push({ invalidation, calledMs: committedMs, resolvedMs, own: undefined, listed });
  }

  beginRead(instance: number, keys: readonly string[]): Read {
    const floors = this.#floors.get(instance);
    const floor = new Map(keys.map((key) => [key, floors?.get(key) ?? Number.NEGATIVE_INFINITY]));
    return { instance, beganMs: this.#scheduler.nowMs, floor };
  }

  /** Judges what a read answered for one key. */
  answered(read: Read, key: string, value: SimValue): void {
    this.answers++;
    const origin = this.#originOf(value);
    const { instance, beganMs } = read;
    this.#history.add(
      this.#scheduler.nowMs,
      `i${instance}`,
      'answer',
      key,
      `o${origin.id}`,
      `v${value.version}`,
      `for ${beganMs.toFixed(3)}`,
    );
    if (origin.key !== key) this.#report('value', `${key} was answered with the value of ${origin.key}`, [key]);
    this.#judgeEvents(read, origin, key);
    for (const call of this.#ownCalls.get(instance) ?? []) {
      if (call.resolvedMs >= beganMs || call.calledMs <= origin.beganMs) continue;
      if (call.own !== origin && !isRankedAbove(origin, call.own) && names(call.invalidation, origin)) {
        const at = call.calledMs.toFixed(3);
        this.#report('G3', `i${instance} read ${key} from o${origin.id}, older than its own call at ${at}`, [key]);
      }
    }
    for (const call of this.#linearized) {
      if (call.resolvedMs >= beganMs || call.calledMs <= origin.beganMs || !call.listed.has(instance)) continue;
      if (!names(call.invalidation, origin)) continue;
      const at = call.calledMs.toFixed(3);
      this.#report('linear', `i${instance} read ${key} from o${origin.id}, older than the commit at ${at}`, [key]);
    }
    const floors = this.#floors.get(instance) ?? new Map<string, number>();
    floors.set(key, Math.max(floors.get(key) ?? Number.NEGATIVE_INFINITY, origin.beganMs));
    this.#floors.set(instance, floors);
  }

  report(rule: string, text: string, words: readonly string[] = []): void {
    this.#report(rule, text, words);
  }

  #judgeEvents(read: Read, origin: Origin, key: string): void {
    const { instance, beganMs } = read;
    const floorMs = read.floor.get(key) ?? Number.NEGATIVE_INFINITY;
    for (let i = this.#events.length - 1; i >= 0; i--) {
      const event = this.#events[i] as TrueEvent;
      if (event.atMs <= origin.beganMs) break;
      if (!covers(event, origin)) continue;
      const what = `i${instance} read ${key} from o${origin.id}, older than event ${this.#nameOf(event)}`;
      const lateMs = beganMs - event.atMs;
      const words = [key, `o${origin.id}`, this.#history.epoch(event.epoch).concat(`:${event.seq}`), `i${instance}`];
      if (lateMs > this.#leaseMs) this.#report('G1', `${what}, ${lateMs.toFixed(3)} ms after it`, words);
      if (floorMs > event.atMs) this.#report('G5', `${what}, which it had answered from behind`, words);
      const heardMs = event.heardMs.get(instance);
      if (heardMs !== undefined && heardMs < beganMs) {
        this.#report('heard', `${what}, which it had heard of at ${heardMs.toFixed(3)}`, words);
      }
    }
  }

  #hear(event: TrueEvent, instance: number): void {
    if (event.heardMs.has(instance)) return;
    event.heardMs.set(instance, this.#scheduler.nowMs);
    const name = `${this.#history.epoch(event.epoch)}:${event.seq}`;
    this.#history.add(this.#scheduler.nowMs, `i${instance}`, 'hears', name);
  }

  #entry(bytes: Uint8Array): { origin: Origin; lease: number; epoch: string } {
    const envelope = decodeEnvelope(bytes);
    if (typeof envelope === 'string') throw new Error(`the engine wrote an envelope that is ${envelope}`);
    const value = JSON.parse(Buffer.from(envelope.payload).toString()) as SimValue;
    return { origin: this.#originOf(value), lease: envelope.lease, epoch: envelope.epoch };
  }

  #originOf(value: SimValue): Origin {
    const origin = this.#origins[value.origin];
    if (origin === undefined) throw new Error('a value from nowhere');
    return origin;
  }

  #nameOf(event: TrueEvent): string {
    return `${this.#history.epoch(event.epoch)}:${event.seq} at ${event.atMs.toFixed(3)}`;
  }

  #report(rule: string, text: string, words: readonly string[]): void {
    this.violations.push({ rule, atMs: this.#scheduler.nowMs, text, words });
  }
}

/** Whether an event is the end of a value that began before it. */
function covers({ invalidation, own, ranks }: TrueEvent, origin: Origin): boolean {
  if (own.has(origin.id)) return false;
  const rank = ranks.get(origin.key);
  if (rank !== undefined && origin.rank !== undefined && origin.rank >= rank) return false;
  return names(invalidation, origin);
}

/** Whether both were set with versions and the first has at least that of the second. */
function isRankedAbove(origin: Origin, other: Origin | undefined): boolean {
  return origin.rank !== undefined && other?.rank !== undefined && origin.rank >= other.rank;
}

/** Whether an invalidation names the value's key, one of its tags, a prefix or pattern of its key, or everything. */
function names({ keys, tags, prefixes, patterns, clear }: Invalidation, origin: Origin): boolean {
  return (
    clear ||
    keys.includes(origin.key) ||
    tags.some((tag) => origin.tags.includes(tag)) ||
    prefixes.some((prefix) => origin.key.startsWith(prefix)) ||
    patterns.some((pattern) => matchesGlob(pattern, origin.key))
  );
}
