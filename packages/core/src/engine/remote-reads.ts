import type { Clock } from '../clock.ts';
import { Pending } from '../coherence/activity.ts';
import type { Lease } from '../coherence/coordinator.ts';
import type { Tailer } from '../coherence/tailer.ts';
import type { View } from '../coherence/view.ts';
import type { ReadReply, Store } from '../store/store.ts';
import { ATTRIBUTES, type LayerResult } from '../telemetry/names.ts';
import { leaderOf, type Trace, within } from '../telemetry/trace.ts';
import type { Found } from './found.ts';
import type { LayerFacts } from './layer.ts';

/** One key being read from a shared layer, for everybody who asks for it meanwhile. */
export class RemoteRead extends Pending {
  /** Hears of every event on the key, however old. */
  readonly leaseSeq = -1;
  /** Highest event on the key heard since the read was asked for; infinite after an own call. */
  heardSeq = 0;
  /** Shortest cap on the lifetime in memory that those who ask have; `undefined` for none. */
  memoryTtlMs: number | undefined;
  /** The span of the first recorded reader. */
  trace: Trace | undefined;
  /** What became of it, once it is answered. */
  result: LayerResult = 'miss';
  readonly layer: LayerFacts;
  /** What had been applied when it was sent; `undefined` before the first tail. */
  sentAt: Lease | undefined;
  readonly #waiting: ((found: Found | undefined) => void)[] = [];

  constructor(key: string, layer: LayerFacts) {
    super(key);
    this.layer = layer;
  }

  /** Calls `tell` once when the read has been judged. Those who wait are told in the order in which they asked. */
  whenJudged(tell: (found: Found | undefined) => void): void {
    this.#waiting.push(tell);
  }

  /** Tells everybody who waits. */
  settle(found: Found | undefined): void {
    for (const tell of this.#waiting.splice(0)) tell(found);
  }

  mark(seq: number): void {
    if (seq > this.heardSeq) this.heardSeq = seq;
  }
}

/** Tails that an answer waits for before it is judged as it is. Each covers thousands of answers. */
const MAX_TAILS_OF_AN_ANSWER = 8;

export interface RemoteReadsOptions {
  readonly clock: Clock;
  readonly store: Pick<Store, 'limits' | 'read'>;
  readonly layer: LayerFacts;
  readonly view: View;
  readonly tailer: Tailer;
  /** Judges one answer and keeps it where it may be kept; called for all keys of a reply in one synchronous step. */
  accept(read: RemoteRead, bytes: Uint8Array | undefined, timeline: string, sentAtMs: number): Found | undefined;
  /** The whole batch failed. */
  onFailure(keys: number, reason: unknown): void;
  /** The whole batch was not waited for, since nothing it could bring would count. */
  onUnproved(keys: number): void;
}

/**
 * Reads of one shared layer made in one tick, as one batch, with a tail beside it when the view needs proof. Each read
 * stays registered until it has been judged, so that no event between its sending and its judgement is missed. A key
 * that was answered since the newest proof was asked for needs a later one, see `Answers`.
 */
export class RemoteReads {
  readonly #options: RemoteReadsOptions;
  readonly #byKey = new Map<string, RemoteRead>();
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
    const present = this.#byKey.get(key);
    return present?.heardSeq === Number.POSITIVE_INFINITY ? undefined : present;
  }

  #ask(key: string): RemoteRead {
    const read = new RemoteRead(key, this.#options.layer);
    this.#byKey.set(key, read);
    this.#options.view.activity.add(read);
    if (this.#queue.length === 0) this.#options.clock.endOfTick(() => this.#flush());
    this.#queue.push(read);
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
    const answer = within(leader, () => attempt(() => store.read(keys)));
    // It may fail while the proof is still awaited, when nobody listens to it yet.
    answer.catch(() => {});
    try {
      if (proving !== undefined && !(await proving) && !view.proof.covers(sentAtMs, clock.wallMs())) {
        // Without proof the answer would not be believed, so nobody waits for it.
        onUnproved(reads.length);
        this.#fail(reads, 'unproved');
        return;
      }
      await this.#judge(reads, await answer, sentAtMs);
    } catch (error) {
      onFailure(reads.length, error);
      this.#fail(reads, 'error');
    }
  }

  /**
   * Judges what was answered, in one step unless keys became due meanwhile: answers given since they were asked for, to this
   * batch or to others, may be more than can be remembered one by one. Those wait for the tail that covers them.
   */
  async #judge(reads: readonly RemoteRead[], { values, timeline }: ReadReply, sentAtMs: number): Promise<void> {
    const { view, tailer, accept } = this.#options;
    let open = reads.map((read, index) => ({ read, bytes: values[index] }));
    for (let tails = 0; ; tails++) {
      const due: typeof open = [];
      for (const answered of open) {
        const { read, bytes } = answered;
        if (tails < MAX_TAILS_OF_AN_ANSWER && bytes !== undefined && view.answers.isDue(read.key)) due.push(answered);
        else this.#settle(read, accept(read, bytes, timeline, sentAtMs));
      }
      if (due.length === 0) return;
      open = due;
      const dueAfter = view.answers.dueAfter(due.map(({ read }) => read.key));
      if (!(await tailer.prove(sentAtMs, dueAfter))) tails = MAX_TAILS_OF_AN_ANSWER;
    }
  }

  #fail(reads: readonly RemoteRead[], result: LayerResult): void {
    for (const read of reads) {
      read.result = result;
      this.#settle(read, undefined);
    }
  }

  #settle(read: RemoteRead, found: Found | undefined): void {
    if (this.#byKey.get(read.key) === read) this.#byKey.delete(read.key);
    this.#options.view.activity.remove(read);
    read.settle(found);
  }
}

/** A driver that throws where it should reject fails its call, and nothing else. */
async function attempt<R>(call: () => Promise<R>): Promise<R> {
  return call();
}
