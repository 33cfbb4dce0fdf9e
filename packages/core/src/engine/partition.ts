import type { Clock } from '../clock.ts';
import type {
  CoordinatorListener,
  FenceChange,
  Invalidation,
  Member,
  SequencedEvent,
  SequencedReply,
} from '../coherence/coordinator.ts';
import { Journal } from '../coherence/journal.ts';
import { Tailer, type TailOutcome } from '../coherence/tailer.ts';
import { type Forgetter, View } from '../coherence/view.ts';
import type { Emitter, Health } from '../emitter.ts';
import { CacheError } from '../errors.ts';
import type { Counters } from '../stats.ts';
import type { RemotePartition } from '../store/remote.ts';
import { RemoteReads, type RemoteReadsOptions } from './remote-reads.ts';
import { ENDED_HISTORY, merge, WriteQueue } from './write-queue.ts';

/** The place an own event got in the sequence, or why it has none yet and is journaled. */
export type InvalidationOutcome = SequencedReply | CacheError;

/** Tails in a row, each with events that no message told of, after which the subscription is made anew. */
const DEAF_AFTER_TAILS = 3;

export interface PartitionOptions {
  readonly index: number;
  readonly remote: RemotePartition;
  readonly clock: Clock;
  readonly member: Member;
  readonly leaseMs: number;
  readonly maxVersions: number;
  readonly maxJournal: number;
  readonly memory: Forgetter;
  readonly counters: Counters;
  readonly emitter: Emitter;
  readonly accept: RemoteReadsOptions['accept'];
  /** What `health` answers may have changed. */
  onChange(): void;
}

/**
 * One partition as this instance sees it: the view and what keeps it proved, the journal, and the queues to store and
 * coordinator. Everything the outside can tell this instance arrives here.
 */
export class Partition implements CoordinatorListener {
  readonly view: View;
  readonly reads: RemoteReads;
  readonly writes: WriteQueue;
  readonly journal: Journal;
  /** Settles when the first connection was made and proved, or was found impossible. Never rejects. */
  readonly started: Promise<void>;
  isStarted = false;
  readonly #options: PartitionOptions;
  readonly #tailer: Tailer;
  #resolveStarted!: () => void;
  #isConnected = false;
  #isDelivering = false;
  /** Tails in a row that brought events while no message came at all. */
  #untoldTails = 0;

  constructor(options: PartitionOptions) {
    this.#options = options;
    const { clock, leaseMs, maxVersions, memory, counters } = options;
    const { store, coordinator } = options.remote;
    this.view = new View({ clock, leaseMs, maxVersions, memory });
    this.journal = new Journal(options.maxJournal);
    this.started = new Promise((resolve) => {
      this.#resolveStarted = resolve;
    });
    this.#tailer = new Tailer({
      clock,
      view: this.view,
      coordinator,
      leaseMs,
      member: options.member,
      onSettled: (outcome) => this.#onTail(outcome),
      onRefused: (reason) => this.report(reason),
      onUntold: () => this.#onUntold(),
    });
    this.reads = new RemoteReads({
      clock,
      store,
      view: this.view,
      tailer: this.#tailer,
      accept: options.accept,
      onFailure: (keys, reason) => {
        counters.remote.errors += keys;
        this.report(reason);
      },
      onUnproved: (keys) => {
        counters.remote.misses += keys;
        counters.remote.unproved += keys;
      },
    });
    this.writes = new WriteQueue({
      clock,
      store,
      coordinator,
      onSequenced: (reply, invalidation) => this.#onSequenced(reply, invalidation, undefined),
    });
    coordinator.listen(this);
  }

  /** Own event, to be known here before the call that made it resolves. */
  async invalidate(invalidation: Invalidation): Promise<InvalidationOutcome> {
    if (!this.isStarted) await this.started;
    try {
      return await this.writes.invalidate(invalidation);
    } catch (error) {
      return this.journalize(invalidation, error);
    }
  }

  /**
   * Own event that changes a fence, by a call of its own.
   *
   * @throws {CacheError} as `Coordinator.invalidate`; nothing is journaled
   */
  async changeFence(invalidation: Invalidation, fence: FenceChange): Promise<SequencedReply> {
    if (!this.isStarted) await this.started;
    const reply = await this.#options.remote.coordinator.invalidate(invalidation, fence);
    if (!(await this.#onSequenced(reply, invalidation, fence)))
      throw new CacheError('REMOTE_UNAVAILABLE', ENDED_HISTORY);
    return reply;
  }

  /** Keeps an event that nobody confirmed; from now on own reads of what it covers go to the loader. */
  journalize(invalidation: Invalidation, reason: unknown): CacheError {
    this.journal.add(invalidation);
    for (const key of invalidation.keys) this.view.activity.mark(key, Number.POSITIVE_INFINITY);
    // Which others it concerns, only their values can tell.
    if (
      invalidation.tags.length > 0 ||
      invalidation.prefixes.length > 0 ||
      invalidation.patterns.length > 0 ||
      invalidation.clear
    ) {
      this.view.activity.markAll(Number.POSITIVE_INFINITY);
    }
    this.view.generation++;
    this.#options.counters.invalidations.undelivered++;
    this.#options.emitter.emit('undelivered', { journaled: this.journal.size });
    // Where the connection still stands, delivery need not wait for the next beat.
    if (this.#isConnected) this.#tailer.request();
    return this.report(reason);
  }

  /** A confirmed own call on `key` makes journaled ones on it that came before pointless. */
  outdo(key: string, journaled: ReadonlySet<Invalidation>): void {
    this.journal.outdo(key, journaled);
    this.view.generation++;
  }

  /** Tells listeners of a command that was refused: nothing else would say why. Lost connections were told already. */
  report(reason: unknown): CacheError {
    const error = CacheError.is(reason)
      ? reason
      : new CacheError('INTERNAL', 'a driver threw something else than a CacheError', {}, { cause: reason });
    if (error.code === 'REMOTE_REJECTED' || error.code === 'CONFIG_CONFLICT' || error.code === 'INTERNAL')
      this.#options.emitter.emit('error', error);
    return error;
  }

  /** Whether the entry of `key` with these tags, dated `lease`, may be served as far as this instance knows. */
  isServable(key: string, tags: readonly string[], lease: number): boolean {
    return this.view.isValid(key, tags, lease) && !this.journal.covers(key, tags);
  }

  /** A value was refused for an event up to `seq`, after it had been answered. */
  demand(epoch: string, seq: number): void {
    if (this.view.demand(epoch, seq)) this.#tailer.request();
  }

  /** A stored value or a reply shows `epoch`; answers whether it is one the view can judge. */
  confirmEpoch(epoch: string): boolean {
    const isConfirmed = this.view.confirmEpoch(epoch);
    if (!isConfirmed) this.#tailer.request();
    return isConfirmed && epoch === this.view.epoch;
  }

  health(nowMs: number): Health {
    const { proof } = this.view;
    const isCoherent = proof.covers(nowMs);
    return {
      state: isCoherent ? 'coherent' : this.#isConnected ? 'suspect' : 'offline',
      proofAgeMs: Math.max(0, nowMs - proof.sentAtMs),
      journaled: this.journal.size,
    };
  }

  /** The coordinator, for what is neither an event nor a tail. */
  get coordinator(): RemotePartition['coordinator'] {
    return this.#options.remote.coordinator;
  }

  get store(): RemotePartition['store'] {
    return this.#options.remote.store;
  }

  stop(): void {
    this.#tailer.stop();
    this.#finishStart();
  }

  onMessage(event: SequencedEvent): void {
    const { counters, emitter, index } = this.#options;
    this.#untoldTails = 0;
    const effect = this.view.receive(event);
    if (effect === 'applied' || effect === 'gap') counters.invalidations.received++;
    if (effect === 'gap') {
      counters.invalidations.gaps++;
      emitter.emit('gap', { partition: index });
    }
    // Whoever lifted a fence may be waiting to hear that everybody knows.
    if (effect === 'gap' || effect === 'foreign' || event.fence?.kind === 'lift') this.#tailer.request();
  }

  onDoubt(): void {
    this.#tailer.request();
  }

  onConnected(): void {
    this.#isConnected = true;
    this.#tailer.request();
  }

  onDisconnected(): void {
    this.#isConnected = false;
    this.#finishStart();
    this.#options.onChange();
  }

  #onTail(outcome: TailOutcome): void {
    const { counters, emitter, index } = this.#options;
    if (outcome === 'resynced') {
      counters.invalidations.resyncs++;
      emitter.emit('resync', { partition: index });
    }
    if (outcome === 'proved' || outcome === 'resynced') void this.#deliver();
    this.#options.onChange();
    // A beat may come before the first connection; that one still has its deadline to be made in.
    if (outcome !== 'failed' || this.#isConnected) this.#finishStart();
  }

  /** One such tail is a race that the bus lost; more in a row mean that it is deaf. */
  #onUntold(): void {
    this.#untoldTails++;
    if (this.#untoldTails < DEAF_AFTER_TAILS) return;
    this.#untoldTails = 0;
    this.#options.remote.coordinator.renewBus();
  }

  #finishStart(): void {
    this.isStarted = true;
    this.#resolveStarted();
  }

  /** Applies an own event. Answers false when it has no place in the history that counts. */
  #onSequenced(
    reply: SequencedReply,
    invalidation: Invalidation,
    fence: FenceChange | undefined,
  ): boolean | Promise<boolean> {
    const effect = this.view.ownReply(reply, invalidation, fence);
    if (effect === 'doubted') return this.#settleDoubt(reply.epoch);
    if (effect === 'applied') this.#options.counters.invalidations.sent++;
    return effect === 'applied';
  }

  /** Waits for the tail that tells whether the authority is in `epoch`; if so, memory was emptied on the way there. */
  async #settleDoubt(epoch: string): Promise<boolean> {
    await this.#tailer.prove(this.#options.clock.wallMs());
    return this.view.epoch === epoch;
  }

  /** Delivers the journal in order; what fails stays for the next proof. */
  async #deliver(): Promise<void> {
    if (this.#isDelivering || this.journal.size === 0) return;
    this.#isDelivering = true;
    try {
      const { coordinator, store } = this.#options.remote;
      while (this.journal.size > 0) {
        const batch = this.journal.first(store.limits.maxBatch);
        const merged = merge(batch);
        const reply = await coordinator.invalidate(merged, undefined);
        if (!(await this.#onSequenced(reply, merged, undefined))) return;
        for (const invalidation of batch) this.journal.delivered(invalidation);
        this.view.generation++;
      }
    } catch (error) {
      // Not delivered is the state it was in.
      this.report(error);
    } finally {
      this.#isDelivering = false;
    }
  }
}
