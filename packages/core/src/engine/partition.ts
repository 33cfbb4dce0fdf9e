import type { Clock } from '../clock.ts';
import type {
  BusMessage,
  CoordinatorListener,
  FenceChange,
  Invalidation,
  Member,
  SequencedReply,
} from '../coherence/coordinator.ts';
import { Journal } from '../coherence/journal.ts';
import { Tailer, type TailOutcome } from '../coherence/tailer.ts';
import { type Forgetter, View } from '../coherence/view.ts';
import type { Emitter, Health } from '../emitter.ts';
import { CacheError, withFacts } from '../errors.ts';
import type { Counters } from '../stats.ts';
import type { RemotePartition } from '../store/remote.ts';
import { beginInvalidate, beginProcess, countsOf } from '../telemetry/events.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import { publish } from '../telemetry/publish.ts';
import type { Recorder } from '../telemetry/recorder.ts';
import { RoundTrips } from '../telemetry/round-trips.ts';
import { during, type Trace, within } from '../telemetry/trace.ts';
import { NOTHING } from '../wire/event.ts';
import { type ConnectedPlain, layerFacts, openTiers } from './open-tiers.ts';
import type { RemoteReadsOptions } from './remote-reads.ts';
import { Tiers } from './tiers.ts';
import { Watch, type WatchedRemote } from './watched.ts';
import { ENDED_HISTORY, merge, WriteQueue } from './write-queue.ts';

/** The place an own event got in the sequence, or why it has none yet and is journaled. */
export type InvalidationOutcome = SequencedReply | CacheError;

/** Tails in a row, each with events that no message told of, after which the subscription is made anew. */
const DEAF_AFTER_TAILS = 3;

export interface PartitionOptions {
  readonly index: number;
  readonly remote: RemotePartition;
  /** Name of the authority's store in the options. */
  readonly authorityStore: string;
  /** Layers without scripts, by the names of their stores. */
  readonly plainStores: ReadonlyMap<string, ConnectedPlain>;
  readonly clock: Clock;
  readonly member: Member;
  readonly leaseMs: number;
  readonly maxVersions: number;
  readonly maxJournal: number;
  readonly memory: Forgetter;
  readonly counters: Counters;
  readonly emitter: Emitter;
  readonly recorder: Recorder;
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
  readonly tiers: Tiers;
  readonly writes: WriteQueue;
  readonly journal: Journal;
  /** Settles when the first connection was made and proved, or was found impossible. Never rejects. */
  readonly started: Promise<void>;
  isStarted = false;
  readonly #options: PartitionOptions;
  readonly #tailer: Tailer;
  readonly #remote: WatchedRemote;
  readonly #watch: Watch;
  readonly #trips = new RoundTrips();
  /** What journaled invalidations were made for. */
  readonly #origins = new WeakMap<Invalidation, Trace>();
  #resolveStarted!: () => void;
  #isConnected = false;
  #isDelivering = false;
  /** Since when own invalidations have been waiting; `undefined` while none is. */
  #waitsSinceMs: number | undefined;
  /** Tails in a row that brought events while no message came at all. */
  #untoldTails = 0;
  /** Monotonic time of the last of them that counted. */
  #untoldAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: PartitionOptions) {
    this.#options = options;
    const { clock, leaseMs, maxVersions, memory, counters, recorder } = options;
    this.#watch = new Watch({ clock, counters, recorder, trips: this.#trips });
    const authority = layerFacts(counters, options.authorityStore, options.remote.store.name);
    this.#remote = this.#watch.remote(options.remote, authority);
    const { store, coordinator } = this.#remote;
    this.view = new View({ clock, leaseMs, maxVersions, memory, hasBuckets: options.plainStores.size > 0 });
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
    this.writes = new WriteQueue({
      clock,
      store,
      coordinator,
      onSequenced: (reply, invalidation) => this.#onSequenced(reply, invalidation, undefined),
    });
    const report = (reason: unknown, storeName?: string): CacheError => this.report(reason, storeName);
    const { plainStores, accept } = options;
    const parts = { store, coordinator, clock, view: this.view, tailer: this.#tailer, watch: this.#watch };
    this.tiers = new Tiers({
      tiers: openTiers({
        ...parts,
        storeName: options.authorityStore,
        plainStores,
        counters,
        accept,
        report,
        onOversize: (bytes, limit, layer) => options.emitter.emit('oversize', { bytes, limit, layer }),
      }),
      queue: this.writes,
      remote: counters.remote,
      watch: {
        onFault: report,
        onSequenced: (reply, keys) => void this.view.ownReply(reply, { ...NOTHING, keys }, undefined),
      },
    });
    coordinator.listen(this);
  }

  /** Own event, to be known here before the call that made it resolves. */
  async invalidate(invalidation: Invalidation, trace?: Trace): Promise<InvalidationOutcome> {
    const span = beginInvalidate(trace, invalidation);
    if (!this.isStarted) await this.started;
    try {
      const reply = await this.writes.invalidate(invalidation, span);
      span?.set(ATTRIBUTES.delivered, true);
      span?.end();
      return reply;
    } catch (error) {
      span?.set(ATTRIBUTES.delivered, false);
      span?.end(error);
      return this.journalize(invalidation, error, span);
    }
  }

  /**
   * Own event that changes a fence, by a call of its own.
   *
   * @throws {CacheError} as `Coordinator.invalidate`; nothing is journaled
   */
  changeFence(invalidation: Invalidation, fence: FenceChange, trace?: Trace): Promise<SequencedReply> {
    const span = beginInvalidate(trace, invalidation, fence);
    span?.set(ATTRIBUTES.delivered, false);
    return during(span, () => this.#changeFence(invalidation, fence, span));
  }

  async #changeFence(invalidation: Invalidation, fence: FenceChange, span: Trace | undefined): Promise<SequencedReply> {
    if (!this.isStarted) await this.started;
    const reply = await publish([span], this.#remote, (origins) =>
      this.#remote.coordinator.invalidate(invalidation, fence, origins),
    );
    if (!(await this.#onSequenced(reply, invalidation, fence)))
      throw new CacheError('REMOTE_UNAVAILABLE', ENDED_HISTORY);
    span?.set(ATTRIBUTES.delivered, true);
    return reply;
  }

  /** Keeps an event that nobody confirmed; from now on own reads of what it covers go to the loader. */
  journalize(invalidation: Invalidation, reason: unknown, trace?: Trace): CacheError {
    this.journal.add(invalidation);
    this.#waitsSinceMs ??= this.#options.clock.wallMs();
    if (trace !== undefined) this.#origins.set(invalidation, trace);
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
    const before = this.journal.size;
    this.journal.outdo(key, journaled);
    this.view.generation++;
    if (before > 0 && this.journal.size === 0) this.#onJournalShrunk();
  }

  /** Tells listeners of a command that was refused: nothing else would say why. Lost connections were told already. */
  report(reason: unknown, store = this.#options.authorityStore): CacheError {
    const error = CacheError.is(reason)
      ? reason
      : new CacheError('INTERNAL', 'a driver threw something else than a CacheError', {}, { cause: reason });
    if (error.code === 'REMOTE_REJECTED' || error.code === 'CONFIG_CONFLICT' || error.code === 'INTERNAL')
      this.#options.emitter.emit('error', withFacts(error, { store }));
    return error;
  }

  /** Whether the entry of `key` with these tags, dated `lease`, may be served as far as this instance knows. */
  isServable(key: string, tags: readonly string[], lease: number): boolean {
    return this.view.isValid(key, tags, lease) && !this.journal.covers(key, tags);
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
      stalenessBoundMs: this.#options.leaseMs + Math.max(0, nowMs - (this.#waitsSinceMs ?? nowMs)),
    };
  }

  /** The coordinator, for what is neither an event nor a tail. */
  get coordinator(): RemotePartition['coordinator'] {
    return this.#remote.coordinator;
  }

  get store(): RemotePartition['store'] {
    return this.#remote.store;
  }

  /** Ends the tails, and with them the wait of others for this instance. Never rejects. */
  async stop(): Promise<void> {
    this.#tailer.stop();
    this.#finishStart();
    // Without a connection nobody can be told; the others wait for as long as they would for a process that died.
    if (this.#isConnected) await this.coordinator.leave(this.#options.member.id).catch(() => {});
  }

  onMessage(message: BusMessage): void {
    // What this instance has caused itself is in that trace already.
    const isOwn = this.#watch.isOwn(message);
    const span = isOwn ? undefined : beginProcess(this.#options.recorder, this.#remote, message);
    within(span, () => this.#receive(message, span));
    span?.end();
  }

  #receive(message: BusMessage, span: Trace | undefined): void {
    const { counters, emitter, index, clock } = this.#options;
    const { epoch, seq } = message;
    this.#watch.onRoundTrip(this.#trips.onMessage(epoch, seq, clock.monotonicMs()));
    this.#untoldTails = 0;
    const effect = this.view.receive(message);
    span?.set(ATTRIBUTES.result, effect);
    if (effect === 'applied' || effect === 'gap') counters.invalidations.received++;
    if (effect === 'gap') {
      counters.invalidations.gaps++;
      emitter.emit('gap', { partition: index });
    }
    // Whoever lifted a fence may be waiting to hear that everybody knows.
    if (effect === 'gap' || effect === 'foreign' || message.fence?.kind === 'lift') this.#tailer.request();
  }

  onDoubt(): void {
    // The connection will ask by itself when it is there.
    if (this.#isConnected) this.#tailer.request();
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
      this.#noteResync();
    }
    if (outcome === 'proved' || outcome === 'resynced') void this.#deliver();
    // A beat may have asked before the first connection was made; that one still has its deadline, and nothing can be read
    // before.
    if (this.#isConnected) this.#finishStart();
    this.#options.onChange();
  }

  /** Plain tails make no spans; one that had to empty the memory is worth knowing of. */
  #noteResync(): void {
    const { recorder, index } = this.#options;
    const attributes = { [ATTRIBUTES.partition]: index, [ATTRIBUTES.seq]: this.view.applied };
    recorder.background(SPANS.resync, [], attributes, this.view.proof.sentAtMs)?.end();
  }

  /** One such tail is a race that the bus lost; more in a row mean that it is deaf. */
  #onUntold(): void {
    const { clock, leaseMs } = this.#options;
    // Tails on demand may follow one another more quickly than a message takes; those of one beat are one.
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#untoldAtMs < Math.floor(leaseMs / 3)) return;
    this.#untoldAtMs = nowMs;
    this.#untoldTails++;
    if (this.#untoldTails < DEAF_AFTER_TAILS) return;
    this.#untoldTails = 0;
    this.#remote.coordinator.renewBus();
  }

  #onJournalShrunk(): void {
    if (this.journal.size === 0) this.#waitsSinceMs = undefined;
    this.#options.emitter.emit('delivered', { journaled: this.journal.size });
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

  /** Nobody waits for it any more: a trace of its own, tied to the calls it is made up for. */
  #deliverOnce(batch: readonly Invalidation[], merged: Invalidation): Promise<SequencedReply> {
    const { recorder, index } = this.#options;
    const origins = batch.flatMap((invalidation) => this.#origins.get(invalidation) ?? []);
    const attributes = { [ATTRIBUTES.partition]: index, ...countsOf(merged) };
    const span = recorder.background(SPANS.deliver, origins, attributes);
    return during(span, () =>
      publish([span], this.#remote, (carried) => this.#remote.coordinator.invalidate(merged, undefined, carried)),
    );
  }

  /** Delivers the journal in order; what fails stays for the next proof. */
  async #deliver(): Promise<void> {
    if (this.#isDelivering || this.journal.size === 0) return;
    this.#isDelivering = true;
    try {
      while (this.journal.size > 0) {
        const batch = this.journal.first(this.#remote.store.limits.maxBatch);
        const merged = merge(batch);
        const reply = await this.#deliverOnce(batch, merged);
        if (!(await this.#onSequenced(reply, merged, undefined))) return;
        for (const invalidation of batch) this.journal.delivered(invalidation);
        this.view.generation++;
        this.#onJournalShrunk();
      }
    } catch (error) {
      // Not delivered is the state it was in.
      this.report(error);
    } finally {
      this.#isDelivering = false;
    }
  }
}
