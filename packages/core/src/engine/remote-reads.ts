import type { Clock } from '../clock.ts';
import { Pending } from '../coherence/activity.ts';
import type { Lease } from '../coherence/coordinator.ts';
import type { Tailer } from '../coherence/tailer.ts';
import type { View } from '../coherence/view.ts';
import type { MemoryEntry } from '../memory/memory-layer.ts';
import type { PlainReadReply } from '../store/generation-store.ts';
import type { ReadReply, Store } from '../store/store.ts';
import { ATTRIBUTES, type LayerResult } from '../telemetry/names.ts';
import { leaderOf, type Trace, within } from '../telemetry/trace.ts';
import type { LayerFacts } from './layer.ts';

/** Somebody who waits for a key to be read from a shared layer. */
export interface Reader {
  /** The read has been judged, at our wall time `nowMs`. Must not throw. */
  onJudged(read: RemoteRead, nowMs: number): void;
}

/** How an answer arrived, for all keys of one reply. */
export interface Arrival {
  /** Timeline of the connection it came over. */
  readonly timeline: string;
  readonly sentAtMs: number;
  readonly nowMs: number;
}

/** An entry of a shared layer, ready to be copied into another one. */
export interface StoredEntry {
  /** Up to when nothing happened to its key, as far as was known when it was asked for. */
  readonly lease: Lease;
  /** What is left of its life, in whole milliseconds; 0 for ever. */
  readonly ttlMs: number;
  readonly bytes: Uint8Array;
}

/** One key being read from a shared layer, for everybody who asks for it meanwhile. */
export class RemoteRead extends Pending {
  /** Hears of every event on the key, however old. */
  readonly leaseSeq = -1;
  /** Highest event on the key heard since the read was asked for; infinite after an own call. */
  heardSeq = 0;
  /** Shortest cap on the lifetime in memory that those who ask have; `undefined` for none. */
  memoryTtlMs: number | undefined = undefined;
  /** The span of the first recorded reader. */
  trace: Trace | undefined = undefined;
  /** What became of it, once it is answered. */
  result: LayerResult = 'miss';
  /** What counts of the answer; `undefined` for nothing. */
  entry: MemoryEntry | undefined = undefined;
  readonly layer: LayerFacts;
  /** What had been applied when it was sent; `undefined` before the first tail. */
  sentAt: Lease | undefined = undefined;
  #epoch = '';
  #ttlMs = 0;
  #bytes: Uint8Array | undefined = undefined;
  #first: Reader | undefined = undefined;
  #others: Reader[] | undefined = undefined;

  constructor(key: string, layer: LayerFacts) {
    super(key);
    this.layer = layer;
  }

  /** Takes in an answer that counts. `remainingMs` is what is left of its life, `undefined` for ever. */
  hit(entry: MemoryEntry, bytes: Uint8Array, epoch: string, remainingMs: number | undefined): void {
    this.result = 'hit';
    this.entry = entry;
    this.#bytes = bytes;
    this.#epoch = epoch;
    this.#ttlMs = remainingMs === undefined ? 0 : Math.ceil(remainingMs);
  }

  /** The answer as the layer holds it, for the first who takes it: all who wait for the read have the same one. */
  takeStored(): StoredEntry | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined || this.entry === undefined) return undefined;
    this.#bytes = undefined;
    const epoch = this.#epoch;
    const { keySeq } = this.entry;
    const seq = this.sentAt?.epoch === epoch ? Math.max(keySeq, this.sentAt.seq) : keySeq;
    return { lease: { epoch, seq }, ttlMs: this.#ttlMs, bytes };
  }

  /** Adds somebody who waits, told once when the read has been judged, in the order of asking. */
  addReader(reader: Reader): void {
    if (this.#first === undefined) this.#first = reader;
    else if (this.#others === undefined) this.#others = [reader];
    else this.#others.push(reader);
  }

  /** Tells everybody who waits. */
  settle(nowMs: number): void {
    const first = this.#first;
    const others = this.#others;
    // Whatever fails from here on, nobody is told twice.
    this.#first = undefined;
    this.#others = undefined;
    first?.onJudged(this, nowMs);
    if (others === undefined) return;
    for (const reader of others) reader.onJudged(this, nowMs);
  }

  mark(seq: number): void {
    if (seq > this.heardSeq) this.heardSeq = seq;
  }
}

/** Tails that an answer waits for before it is judged as it is. Each covers thousands of answers. */
const MAX_TAILS_OF_AN_ANSWER = 8;

export interface RemoteReadsOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, 'limits'> & { read(keys: readonly string[]): Promise<ReadReply | PlainReadReply> };
  readonly layer: LayerFacts;
  readonly view: View;
  readonly tailer: Tailer;
  /**
   * Judges one answer and keeps it where it may be kept; called for all keys of a reply in one synchronous step. `isDue`
   * says that the key still needs a later proof.
   */
  accept(read: RemoteRead, bytes: Uint8Array | undefined, arrival: Arrival, isDue: boolean): void;
  /** The whole batch failed. */
  onFailure(keys: number, reason: unknown): void;
  /** The whole batch was not waited for, since nothing it could bring would count. */
  onUnproved(keys: number): void;
}

/** Reads with what a layer answered them, index by index. */
interface Answered extends ReadReply {
  readonly reads: readonly RemoteRead[];
}

/**
 * Reads of one shared layer made in one tick, as one batch, with a tail beside it when the view needs proof. Each read
 * stays registered until the step in which it is judged, so that no event after its sending is missed. A key
 * that was answered since the newest proof was asked for needs a later one, see `Answers`.
 */
export class RemoteReads {
  readonly #options: RemoteReadsOptions;
  #queue: RemoteRead[] = [];

  constructor(options: RemoteReadsOptions) {
    this.#options = options;
  }

  /** The read of `key` under way, or a new one. */
  read(key: string, memoryTtlMs: number | undefined, trace?: Trace): RemoteRead {
    const read = this.#joinable(key) ?? this.#ask(key);
    // Whoever joins late is not below the call that was sent, only tied to it.
    if (read.trace === undefined) read.trace = trace;
    else trace?.link(read.trace);
    if (memoryTtlMs !== undefined) read.memoryTtlMs = Math.min(memoryTtlMs, read.memoryTtlMs ?? memoryTtlMs);
    return read;
  }

  #joinable(key: string): RemoteRead | undefined {
    const { view, layer } = this.#options;
    for (let at = view.activity.first(key); at !== undefined; at = at.next) {
      if (at instanceof RemoteRead && at.layer === layer && at.heardSeq !== Number.POSITIVE_INFINITY) return at;
    }
    return undefined;
  }

  #ask(key: string): RemoteRead {
    const { clock, view, layer } = this.#options;
    const read = new RemoteRead(key, layer);
    if (this.#queue.length === 0) clock.endOfTick(() => this.#flush());
    this.#queue.push(read);
    // Last: what cannot be sent must not be there to be joined.
    view.activity.add(read);
    return read;
  }

  #flush(): void {
    const reads = this.#queue;
    this.#queue = [];
    const { maxBatch } = this.#options.store.limits;
    for (let at = 0; at < reads.length; at += maxBatch) void this.#send(reads.slice(at, at + maxBatch));
  }

  async #send(reads: readonly RemoteRead[]): Promise<void> {
    const { clock, store, view, tailer, onFailure, onUnproved } = this.#options;
    const sentAtMs = clock.wallMs();
    const keys = reads.map((read) => read.key);
    const dueAfter = view.answers.dueAfter(keys);
    const isProved = dueAfter === -1 && view.proof.covers(sentAtMs);
    const sentAt = view.epoch === undefined ? undefined : { epoch: view.epoch, seq: view.applied };
    for (const read of reads) read.sentAt = sentAt;
    const leader = leaderOf(reads.map(({ trace }) => trace));
    leader?.set(ATTRIBUTES.batchSize, reads.length);
    const proving = isProved ? undefined : tailer.prove(sentAtMs, dueAfter);
    const answer = within(leader, () => store.read(keys));
    // It may fail while the proof is still awaited, when nobody listens to it yet.
    answer.catch(() => {});
    try {
      if (proving !== undefined && !(await proving) && !view.proof.covers(sentAtMs, clock.wallMs())) {
        // Without proof the answer would not be believed, so nobody waits for it.
        onUnproved(reads.length);
        this.#fail(reads, 'unproved');
        return;
      }
      await this.#judge(this.#served(reads, await answer), sentAtMs);
    } catch (error) {
      onFailure(reads.length, error);
      this.#fail(reads, 'error');
    }
  }

  /** What was answered; the others are told that the layer could not be asked for theirs. */
  #served(reads: readonly RemoteRead[], reply: ReadReply | PlainReadReply): Answered {
    const { values, timeline } = reply;
    if (!('unserved' in reply) || reply.unserved.length === 0) return { reads, values, timeline };
    const unserved = new Set(reply.unserved);
    this.#fail(
      reads.filter((_, index) => unserved.has(index)),
      'error',
    );
    return {
      reads: reads.filter((_, index) => !unserved.has(index)),
      values: values.filter((_, index) => !unserved.has(index)),
      timeline,
    };
  }

  /**
   * Judges what was answered, in one step unless keys became due meanwhile: answers given since they were asked for, to this
   * batch or to others, may be more than can be remembered one by one. Those wait for the tail that covers them.
   */
  async #judge({ reads, values, timeline }: Answered, sentAtMs: number): Promise<void> {
    const { clock, view, tailer } = this.#options;
    let open = { reads, values };
    for (let tails = 0; ; tails++) {
      const arrival = { timeline, sentAtMs, nowMs: clock.wallMs() };
      const due = { reads: [] as RemoteRead[], values: [] as (Uint8Array | undefined)[] };
      for (const [index, read] of open.reads.entries()) {
        const bytes = open.values[index];
        const isDue = bytes !== undefined && view.answers.isDue(read.key);
        if (isDue && tails < MAX_TAILS_OF_AN_ANSWER) {
          due.reads.push(read);
          due.values.push(bytes);
        } else {
          this.#accept(read, bytes, arrival, isDue);
        }
      }
      if (due.reads.length === 0) return;
      open = due;
      const dueAfter = view.answers.dueAfter(due.reads.map(({ key }) => key));
      if (!(await tailer.prove(sentAtMs, dueAfter))) tails = MAX_TAILS_OF_AN_ANSWER;
    }
  }

  #accept(read: RemoteRead, bytes: Uint8Array | undefined, arrival: Arrival, isDue: boolean): void {
    const { view, accept } = this.#options;
    view.activity.remove(read);
    accept(read, bytes, arrival, isDue);
    read.settle(arrival.nowMs);
  }

  #fail(reads: readonly RemoteRead[], result: LayerResult): void {
    const { clock, view } = this.#options;
    const nowMs = clock.wallMs();
    for (const read of reads) {
      read.result = result;
      view.activity.remove(read);
      read.settle(nowMs);
    }
  }
}
