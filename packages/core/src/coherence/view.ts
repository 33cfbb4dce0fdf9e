import type { Clock } from '../clock.ts';
import { Activity } from './activity.ts';
import { Answers } from './answers.ts';
import { Buckets } from './buckets.ts';
import { ClosedFences } from './closed-fences.ts';
import type { FenceChange, Invalidation, Lease, SequencedEvent, SequencedReply, TailReply } from './coordinator.ts';
import { Proof } from './proof.ts';
import { Versions } from './versions.ts';

/** The part of the memory layer that the view commands. */
export interface Forgetter {
  /** Drops the entry of `key` unless it is dated `seq` or later. */
  forget(key: string, seq: number): void;
  /** Drops all entries of the view's partition. */
  forgetAll(): void;
}

/** What became of a bus message. */
export type MessageEffect = 'applied' | 'old' | 'gap' | 'foreign';

/** What became of the reply to an own call; `doubted` until a tail has said which epoch the authority is in. */
export type ReplyEffect = 'applied' | 'void' | 'doubted';

/** What became of a tail's reply; only `proved` moves the proof. */
export type TailEffect = 'proved' | 'partial' | 'unproved';

/** Epochs remembered as over, so that an entry left behind by one is a plain miss and not a reason for doubt. */
const MAX_DEAD_EPOCHS = 256;

/**
 * What this instance knows to be invalidated in one partition, and how far that knowledge reaches.
 *
 * Kept true:
 * - every event up to `applied` has had its effect here; `known` only dates leases: it is the highest number met in a reply,
 *   a stored value, or a message that was next;
 * - a message past a gap may be of an event that never was: what it says holds until a tail sent after it has proved the
 *   view, and nothing of it stays but what was forgotten. One that was next and that a later tail knows nothing of was
 *   forged, and the view starts over from a snapshot;
 * - effects are idempotent and only ever forget, so messages may come twice, late or out of order;
 * - only a tail's reply changes `epoch`; any other sign of another epoch ends the proof, empties the memory and voids a
 *   tail already under way, since that tail may have been answered before the change;
 * - a snapshot that is behind an own call's reply proves nothing.
 *
 * Cost: effects are one map look-up a key; versions are compared lazily by readers (`generation` tells when).
 */
export class View {
  readonly proof: Proof;
  readonly activity = new Activity();
  readonly answers = new Answers();
  readonly fences = new ClosedFences();
  /** Kept only where a layer without scripts needs them. */
  readonly buckets: Buckets | undefined;
  epoch: string | undefined;
  /** Grows whenever an entry that was valid may no longer be; what was checked under the same number still holds. */
  generation = 0;
  /** Grows whenever tails already sent must not be believed. */
  voids = 0;
  /** Snapshots taken in: each may stand for events whose keys nobody here has heard. */
  snapshots = 0;
  readonly #versions: Versions;
  /** Versions from messages past a gap, until a tail sent after them has brought those that are true. */
  readonly #unconfirmed: Versions;
  readonly #memory: Forgetter;
  readonly #deadEpochs = new Set<string>();
  /** Epochs met that no tail has confirmed, each with the highest number an own call got in it. */
  readonly #doubtedEpochs = new Map<string, number>();
  #authorityOffsetMs = 0;
  #applied = 0;
  #known = 0;
  #ownSeq = 0;
  #appliedAtTail = 0;
  /** Whether the newest tail was sent after everything that messages past a gap have told. */
  #isTailLater = true;

  constructor(options: {
    clock: Clock;
    leaseMs: number;
    maxVersions: number;
    memory: Forgetter;
    hasBuckets?: boolean;
  }) {
    this.proof = new Proof(options.clock, options.leaseMs);
    this.#versions = new Versions(options.maxVersions);
    this.#unconfirmed = new Versions(options.maxVersions);
    this.#memory = options.memory;
    this.buckets = options.hasBuckets === true ? new Buckets() : undefined;
  }

  get applied(): number {
    return this.#applied;
  }

  /** Highest sequence number of the current epoch that the authority is known to have given. */
  get known(): number {
    return this.#known;
  }

  /** The dating for something that starts now; `undefined` before the first tail. */
  lease(): Lease | undefined {
    return this.epoch === undefined ? undefined : { epoch: this.epoch, seq: this.#known };
  }

  /**
   * The authority's clock at our wall time `wallMs`, as the newest tail showed it. Expiry is written and read in that
   * clock, so that a lifetime does not depend on the hosts agreeing about the time.
   */
  authorityMs(wallMs: number): number {
    return wallMs + this.#authorityOffsetMs;
  }

  /** Whether no event that is known invalidates an entry of this key and these tags, dated `lease`. */
  isValid(key: string, tags: readonly string[], lease: number): boolean {
    return this.#versions.isValid(key, tags, lease) && this.#unconfirmed.isValid(key, tags, lease);
  }

  /** Whether any tag, prefix or the whole cache was invalidated after `lease`. */
  hasVersionAbove(lease: number): boolean {
    return this.#versions.newest > lease || this.#unconfirmed.newest > lease;
  }

  /** Takes in a bus message. */
  receive(event: SequencedEvent): MessageEffect {
    if (event.epoch !== this.epoch) return this.#deadEpochs.has(event.epoch) ? 'old' : 'foreign';
    if (event.seq <= this.#applied) return 'old';
    if (event.seq !== this.#applied + 1) {
      this.#believeForNow(event.seq, event.invalidation);
      return 'gap';
    }
    this.#meet(event.seq);
    this.#apply(event.seq, event.invalidation, event.fence);
    this.#applied = event.seq;
    return 'applied';
  }

  /** A tail is about to be sent: it will know of every event that was met before. */
  onTailSent(): void {
    this.answers.onTailSent();
    this.#appliedAtTail = this.#applied;
    this.#isTailLater = true;
  }

  /**
   * Takes in the reply to an own call: its effect holds here before the call resolves, however far the bus is behind.
   * A reply from an epoch that is over says nothing: whoever answers for the current one has not heard of the call.
   */
  ownReply(reply: SequencedReply, invalidation: Invalidation, fence: FenceChange | undefined): ReplyEffect {
    if (!this.confirmEpoch(reply.epoch, reply.seq)) return 'doubted';
    if (reply.epoch !== this.epoch) return 'void';
    this.#meet(reply.seq);
    this.#ownSeq = Math.max(this.#ownSeq, reply.seq);
    this.#apply(reply.seq, invalidation, fence);
    return 'applied';
  }

  /** Notes a sequence number met in a reply or a stored value of the current epoch. */
  meet(epoch: string, seq: number): void {
    if (epoch === this.epoch) this.#meet(seq);
  }

  /**
   * Whether `epoch` needs no tail: it is the view's own, or one known to be over. Otherwise the authority may have
   * started anew, and nothing here counts until a tail has said which epoch it is in.
   */
  confirmEpoch(epoch: string, ownSeq = 0): boolean {
    if (epoch === this.epoch) return true;
    if (this.#deadEpochs.has(epoch)) {
      // Those still met are kept longest: one that was forgotten would be doubted again at every entry it left behind.
      this.#bury(epoch);
      return true;
    }
    const met = this.#doubtedEpochs.get(epoch);
    // A tail sent after the first meeting is answered by this epoch or a later one: voiding it again at every further
    // meeting would keep a busy instance from ever being proved.
    if (met === undefined) this.voids++;
    this.#doubtedEpochs.set(epoch, Math.max(met ?? 0, ownSeq));
    this.#forget();
    return false;
  }

  /** Ends proof, memory and everything under way: what is known can no longer be dated. */
  forgetEverything(): void {
    this.voids++;
    this.#forget();
  }

  #forget(): void {
    this.proof.end();
    this.#memory.forgetAll();
    this.activity.markAll(Number.POSITIVE_INFINITY);
    this.generation++;
  }

  /** Takes in a tail's reply. The caller has made sure that `voids` is what it was when the tail was sent. */
  applyTail(reply: TailReply, sentAtMs: number, receivedAtMs: number): TailEffect {
    this.#authorityOffsetMs = Math.round(reply.authorityMs - (sentAtMs + receivedAtMs) / 2);
    if (reply.snapshot !== undefined) return this.#applySnapshot(reply, sentAtMs);
    if (reply.epoch !== this.epoch) return 'unproved';
    this.#meet(reply.seq);
    for (const event of reply.events) {
      if (event.seq <= this.#applied) continue;
      if (event.seq !== this.#applied + 1) return 'unproved';
      this.#apply(event.seq, event.invalidation, event.fence);
      this.#applied = event.seq;
    }
    if (this.#applied < reply.seq) return 'partial';
    return this.#prove(reply, sentAtMs);
  }

  #applySnapshot(reply: TailReply, sentAtMs: number): TailEffect {
    const { epoch, seq, snapshot } = reply;
    if (snapshot === undefined) return 'unproved';
    const isForged = seq < this.#appliedAtTail;
    const isSameEpoch = epoch === this.epoch && !isForged;
    this.snapshots++;
    // What an own call has brought since that tail goes with the rest, and only the next one brings it back.
    if (isForged) this.proof.end();
    if (!isSameEpoch) this.#startOver(epoch);
    this.#versions.merge(snapshot);
    this.buckets?.merge(snapshot.slots);
    const isBehindOwn = seq < this.#ownSeq;
    // One from before an own call must not open the fence that call closed, and one that the bus has overtaken must not
    // close what has been lifted since.
    if (!isBehindOwn && seq >= this.#applied) this.fences.replace(snapshot.fences);
    this.#memory.forgetAll();
    this.activity.markAll(isSameEpoch ? seq : Number.POSITIVE_INFINITY);
    this.generation++;
    this.#meet(seq);
    if (isBehindOwn) return 'unproved';
    this.#applied = Math.max(this.#applied, seq);
    return this.#prove(reply, sentAtMs);
  }

  #startOver(epoch: string): void {
    if (epoch !== this.epoch) {
      if (this.epoch !== undefined) this.#bury(this.epoch);
      this.#deadEpochs.delete(epoch);
      this.epoch = epoch;
      this.#ownSeq = this.#doubtedEpochs.get(epoch) ?? 0;
    }
    this.#versions.reset();
    this.buckets?.reset();
    this.fences.replace([]);
    this.#unconfirmed.reset();
    this.#applied = 0;
    this.#known = 0;
    this.#appliedAtTail = 0;
  }

  #prove(reply: TailReply, sentAtMs: number): TailEffect {
    // The tail was sent after these epochs were met, so an authority that is in another one has left them.
    for (const epoch of this.#doubtedEpochs.keys()) {
      if (epoch !== reply.epoch) this.#bury(epoch);
    }
    this.#doubtedEpochs.clear();
    if (this.#isTailLater) {
      this.#unconfirmed.reset();
      this.buckets?.settle();
    }
    this.proof.renew(sentAtMs, reply.timeline);
    this.answers.onProved();
    return 'proved';
  }

  #bury(epoch: string): void {
    this.#deadEpochs.delete(epoch);
    this.#deadEpochs.add(epoch);
    if (this.#deadEpochs.size <= MAX_DEAD_EPOCHS) return;
    for (const oldest of this.#deadEpochs) {
      this.#deadEpochs.delete(oldest);
      return;
    }
  }

  #meet(seq: number): void {
    if (seq > this.#known) this.#known = seq;
  }

  #apply(seq: number, invalidation: Invalidation, fence: FenceChange | undefined): void {
    if (fence !== undefined) this.fences.apply(fence, invalidation);
    if (invalidation.clear && seq > this.#versions.clear) this.#memory.forgetAll();
    if (this.#versions.raise(seq, invalidation)) this.generation++;
    this.buckets?.raise(invalidation.keys, seq);
    this.#drop(invalidation.keys, seq);
  }

  #believeForNow(seq: number, invalidation: Invalidation): void {
    this.#isTailLater = false;
    if (invalidation.clear && seq > this.#unconfirmed.clear) this.#memory.forgetAll();
    if (this.#unconfirmed.raise(seq, invalidation)) this.generation++;
    this.buckets?.raiseForNow(invalidation.keys, seq);
    this.#drop(invalidation.keys, seq);
  }

  #drop(keys: readonly string[], seq: number): void {
    for (const key of keys) {
      this.#memory.forget(key, seq);
      this.activity.mark(key, seq);
    }
  }
}
