import type { Clock } from '../clock.ts';
import { Pending } from '../coherence/activity.ts';
import type { Coordinator, SequencedReply } from '../coherence/coordinator.ts';
import type { View } from '../coherence/view.ts';
import { assert, CacheError } from '../errors.ts';
import { withU64 } from '../wire/entry-bytes.ts';
import { decodeEnvelope, SEQ_OFFSET } from '../wire/envelope.ts';
import { NOTHING } from '../wire/event.ts';
import type { PlainStore, PlainWrite } from './plain-store.ts';
import type {
  FillOutcome,
  FillReply,
  ReadReply,
  SetOutcome,
  SetReply,
  Store,
  StoreLimits,
  StoreWrite,
} from './store.ts';

export interface GenerationStoreOptions {
  readonly name: string;
  readonly plain: PlainStore;
  readonly coordinator: Pick<Coordinator, 'invalidate'>;
  /** Has buckets. */
  readonly view: View;
  readonly clock: Clock;
  /** Asks for tails until the view is proved and has applied event `seq`, or gives up; see `Tailer.reach`. */
  reach(seq: number): Promise<boolean>;
  /** Some names of a call could not be served, the others could. */
  onFault(error: CacheError, names: number): void;
  /** An entry of so many bytes is over what the layer takes, and was not sent. */
  onOversize(bytes: number): void;
}

/** What a layer without scripts answers: it may serve some names of a call and not the others. */
export interface PlainReadReply extends ReadReply {
  /** Indexes of the keys that could not be served, ascending; their values are `undefined`. */
  readonly unserved: readonly number[];
}

/** A set under way, which hears of every event on its key. */
class Claim extends Pending {
  readonly leaseSeq: number;
  readonly #heard = new Set<number>();

  constructor(key: string, leaseSeq: number) {
    super(key);
    this.leaseSeq = leaseSeq;
  }

  mark(seq: number): void {
    this.#heard.add(seq);
  }

  /** Whether its key had any event but its own since the lease. */
  isContested(ownSeq: number): boolean {
    return this.#heard.size > (this.#heard.has(ownSeq) ? 1 : 0);
  }
}

/**
 * A layer without scripts as a `Store`: what scripts check elsewhere, storage names carry here. The name of an entry is
 * epoch, version of the key's bucket, key. An event on any key of a bucket gives it another version, and with it another
 * name to every key of it, for whoever has heard of the event.
 *
 * Kept true:
 * - a fill goes under the version that its lease knows: nothing on its bucket may be newer than the lease. Where an event
 *   came meanwhile, or comes while the write is under way, it lands under a name that nobody reads any more;
 * - a set is an event first, and its value is then stored under the number it got, unless its key had another event since
 *   the lease, which only a view that has applied everything up to its own event can rule out;
 * - an instance that is not proved writes nothing. It reads, as from any layer, only beside the tail that proves it, and
 *   the engine believes the answer by what that tail has told.
 *
 * Costs: an event voids the entries of all keys of its bucket, 1/16,384 of them (`docs/guides/memcached.md`). A write of
 * an entry under a name that is already taken replaces an entry that was as good. The reasons:
 * `docs/internals/stores-without-scripts.md`.
 */
export class GenerationStore implements Store {
  readonly name: string;
  readonly limits: StoreLimits;
  readonly #options: GenerationStoreOptions;

  constructor(options: GenerationStoreOptions) {
    this.name = options.name;
    this.limits = { maxBatch: options.plain.limits.maxBatch, hasScripts: false };
    this.#options = options;
  }

  async read(keys: readonly string[]): Promise<PlainReadReply> {
    const { plain, view } = this.#options;
    const { epoch } = view;
    const { timeline } = view.proof;
    if (epoch === undefined) return { timeline, values: keys.map(() => undefined), unserved: [] };
    const items = await plain.read(keys.map((key) => nameOf(epoch, this.#versionOf(key), key)));
    this.#report(items);
    // A name carries the epoch, and that is of one timeline only.
    return {
      timeline: view.proof.timeline,
      values: items.map((item) => (CacheError.is(item) ? undefined : item)),
      unserved: items.flatMap((item, index) => (CacheError.is(item) ? [index] : [])),
    };
  }

  async fill(writes: readonly StoreWrite[]): Promise<FillReply> {
    const { view, clock, reach } = this.#options;
    const newest = writes.reduce((seq, { lease }) => Math.max(seq, lease.seq), 0);
    if (view.applied < newest || !view.proof.covers(clock.wallMs())) await reach(newest);
    const { epoch } = view;
    if (epoch === undefined || !view.proof.covers(clock.wallMs())) {
      throw new CacheError('REMOTE_UNAVAILABLE', 'without proof nothing is written to a layer without scripts');
    }
    const outcomes = writes.map((write) => this.#judgeFill(write, epoch));
    const seq = view.applied;
    const stored = await this.#write(writes, outcomes, (write) => ({
      name: nameOf(epoch, this.#versionOf(write.key), write.key),
      bytes: write.bytes,
    }));
    return { epoch, seq, outcomes: stored };
  }

  async set(writes: readonly StoreWrite[], origins?: readonly string[]): Promise<SetReply> {
    const { view, coordinator, reach } = this.#options;
    const claims = writes.map(({ key, lease }) => new Claim(key, lease.seq));
    for (const claim of claims) view.activity.add(claim);
    try {
      const { snapshots } = view;
      const isLate = writes.map(({ key, lease }) => this.#versionOf(key) > lease.seq);
      const keys = writes.map(({ key }) => key);
      const reply = await coordinator.invalidate({ ...NOTHING, keys }, undefined, origins);
      // Known here from now on, not only when the value has been written.
      view.ownReply(reply, { ...NOTHING, keys }, undefined);
      if (view.epoch !== reply.epoch || view.applied < reply.seq) await reach(reply.seq);
      const outcomes = writes.map((write, index) => {
        // A snapshot up to the own event marks like that event, whatever lay between.
        const isUnheard = view.snapshots !== snapshots;
        const isContested = isUnheard || isLate[index] === true || claims[index]?.isContested(reply.seq) === true;
        return isContested ? 'conflicted' : this.#judgeSet(write, reply);
      });
      return { epoch: reply.epoch, seq: reply.seq, outcomes: await this.#writeSet(writes, outcomes, reply) };
    } finally {
      for (const claim of claims) view.activity.remove(claim);
    }
  }

  /**
   * Stores what another layer has set, under the number that its event got. That layer has judged it; an event since then
   * has given the bucket another version, and nobody reads this one.
   */
  async follow(writes: readonly StoreWrite[], reply: SequencedReply): Promise<readonly SetOutcome[]> {
    const outcomes = writes.map(({ bytes }): SetOutcome => (this.#fits(bytes) ? 'stored' : 'skipped'));
    return this.#writeSet(writes, outcomes, reply);
  }

  /** Nothing has to be freed by hand: names that nobody asks for any more expire, or make room first. */
  async collect(): Promise<number> {
    return 0;
  }

  #judgeFill({ key, lease, bytes }: StoreWrite, epoch: string): FillOutcome {
    const { view } = this.#options;
    if (lease.epoch !== epoch || lease.seq > view.applied) return 'voided';
    if (this.#versionOf(key) > lease.seq || this.#isFenced(key, bytes)) return 'fenced';
    return this.#fits(bytes) ? 'stored' : 'skipped';
  }

  #judgeSet({ key, lease, bytes }: StoreWrite, reply: SequencedReply): SetOutcome {
    const { view } = this.#options;
    const isKnown = view.epoch === reply.epoch && view.applied >= reply.seq;
    if (!isKnown || lease.epoch !== reply.epoch || this.#isFenced(key, bytes)) return 'conflicted';
    // Which of two versions is higher, only a store that compares could say.
    const envelope = decodeEnvelope(bytes);
    if (typeof envelope === 'string' || envelope.version !== undefined) return 'conflicted';
    return this.#fits(bytes) ? 'stored' : 'skipped';
  }

  /** Writes what was judged to be stored; what the layer did not take is skipped. */
  async #write<O extends FillOutcome | SetOutcome>(
    writes: readonly StoreWrite[],
    outcomes: readonly O[],
    place: (write: StoreWrite) => Pick<PlainWrite, 'name' | 'bytes'>,
  ): Promise<(O | 'skipped')[]> {
    const chosen = writes.flatMap((write, index) => (outcomes[index] === 'stored' ? [{ write, index }] : []));
    const results: (O | 'skipped')[] = [...outcomes];
    if (chosen.length === 0) return results;
    const replies = await this.#options.plain.write(
      chosen.map(({ write }) => ({ ...place(write), ttlMs: write.ttlMs })),
    );
    for (const [i, { index }] of chosen.entries()) {
      if (replies[i] !== undefined) results[index] = 'skipped';
    }
    this.#report(replies);
    return results;
  }

  #writeSet(
    writes: readonly StoreWrite[],
    outcomes: readonly SetOutcome[],
    { epoch, seq }: SequencedReply,
  ): Promise<readonly SetOutcome[]> {
    return this.#write(writes, outcomes, ({ key, bytes }) => ({
      name: nameOf(epoch, seq, key),
      bytes: withU64(bytes, seq, SEQ_OFFSET),
    }));
  }

  #versionOf(key: string): number {
    const { buckets } = this.#options.view;
    assert(buckets !== undefined, 'a layer without scripts needs a view with buckets');
    return buckets.versionOf(key);
  }

  #isFenced(key: string, bytes: Uint8Array): boolean {
    const { fences } = this.#options.view;
    if (fences.size === 0) return false;
    const envelope = decodeEnvelope(bytes);
    return typeof envelope === 'string' || fences.covers(key, envelope.tags, false);
  }

  /** Whether the layer takes an entry; asked once for each that would be written. */
  #fits({ byteLength }: Uint8Array): boolean {
    const { plain, onOversize } = this.#options;
    if (byteLength <= plain.limits.maxValueBytes) return true;
    onOversize(byteLength);
    return false;
  }

  /** Tells of the names that could not be served, once for each reason. */
  #report(items: readonly unknown[]): void {
    const counts = new Map<CacheError, number>();
    for (const item of items) {
      if (CacheError.is(item)) counts.set(item, (counts.get(item) ?? 0) + 1);
    }
    for (const [error, names] of counts) this.#options.onFault(error, names);
  }
}

function nameOf(epoch: string, version: number, key: string): string {
  return [epoch, version, key].join(':');
}
