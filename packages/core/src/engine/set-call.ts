import { Pending } from '../coherence/activity.ts';
import type { Invalidation, Lease } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import { MemoryEntry } from '../memory/memory-layer.ts';
import { noteMemorySet } from '../telemetry/layers.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import { type Trace, within } from '../telemetry/trace.ts';
import { NOTHING } from '../wire/event.ts';
import { type EngineContext, type Lifetime, memoryExpiry } from './context.ts';
import type { Stack } from './layer.ts';
import type { Partition } from './partition.ts';
import type { UnderWay } from './under-way.ts';
import type { PreparedValue } from './values.ts';
import type { Draft, SetReply } from './write-queue.ts';
import { type SetResult, undelivered } from './write-results.ts';

/** One value to be set; everything validated, key and tags scoped. */
export interface SetSpec {
  readonly key: string;
  readonly prepared: PreparedValue;
  readonly lifetime: Lifetime;
  readonly tags: readonly string[];
  readonly version: number | undefined;
  readonly stack: Stack;
}

/** When a set was called, and what this instance knew then. */
export interface SetDates {
  readonly calledAtMs: number;
  /** `undefined` before the first tail. */
  readonly lease: Lease | undefined;
}

/** Who waits for a set. */
export interface SetWaiter {
  resolve(result: SetResult): void;
  reject(reason: unknown): void;
}

/**
 * A `set` under way, from the call to its answer. Its own event does not count against it, any other one on the key does,
 * and any load of it.
 *
 * One object and one promise for each: sets come by the thousand, and what is done for one of them is done without waiting
 * but for the answer.
 */
export class SetCall extends Pending {
  readonly leaseSeq: number;
  readonly #context: EngineContext;
  readonly #partition: Partition;
  readonly #spec: SetSpec;
  readonly #dates: SetDates;
  readonly #trace: Trace | undefined;
  readonly #waiter: SetWaiter;
  readonly #calls: UnderWay;
  /** Own invalidations that were waiting at the call. */
  readonly #journaled: ReadonlySet<Invalidation> | undefined;
  #span: Trace | undefined;
  #firstSeq = 0;
  #isContested = false;

  constructor(
    context: EngineContext,
    partition: Partition,
    call: { spec: SetSpec; dates: SetDates; trace: Trace | undefined; waiter: SetWaiter; calls: UnderWay },
  ) {
    super(call.spec.key);
    const { spec, dates, trace, waiter, calls } = call;
    this.leaseSeq = dates.lease?.seq ?? 0;
    this.#context = context;
    this.#partition = partition;
    this.#spec = spec;
    this.#dates = dates;
    this.#trace = trace;
    this.#waiter = waiter;
    this.#calls = calls;
    this.#journaled = partition.journal.size === 0 ? undefined : partition.journal.waiting();
  }

  override mark(seq: number): void {
    if (this.#firstSeq !== 0 && this.#firstSeq !== seq) this.#isContested = true;
    this.#firstSeq = seq;
  }

  /** A load that begins after the call may bring what the source holds by then. */
  override onLoad(): void {
    this.#isContested = true;
  }

  override onAnswer(): void {
    this.#isContested = true;
  }

  /** Sends the value to the shared layer, or an invalidation where it cannot take it. */
  start(): void {
    this.#partition.view.activity.add(this);
    const { lease } = this.#dates;
    if (lease === undefined || this.#spec.prepared.isOversized) void this.#storeLocally();
    else this.#send(lease);
  }

  /** The shared layer has answered. */
  resolve(reply: SetReply): void {
    const { outcome } = reply;
    this.#endSpan(outcome);
    if (outcome === 'stored' || outcome === 'skipped')
      noteMemorySet(this.#trace, this.#remember(reply.epoch, reply.seq));
    this.#finish({ stored: outcome === 'stored', outdated: outcome === 'outdated', delivered: true });
  }

  /** The shared layer has given no answer that counts. */
  reject(error: unknown): void {
    this.#endSpan('error', error);
    this.#context.counters.remote.writeErrors++;
    this.#partition.journalize({ ...NOTHING, keys: [this.key] }, error, this.#trace);
    this.#fail(error);
  }

  #send(lease: Lease): void {
    const { prepared, lifetime, tags, version, stack } = this.#spec;
    const { ttlMs } = lifetime;
    const { view, tiers, writes } = this.#partition;
    const expiresAtMs = ttlMs === undefined ? 0 : view.authorityMs(this.#dates.calledAtMs) + ttlMs;
    const draft: Draft = {
      key: this.key,
      lease,
      ttlMs: ttlMs ?? 0,
      header: { codecId: this.#context.options.codec.id, expiresAtMs, tags, version },
      payload: prepared.payload,
    };
    const writer = tiers.writerOf(stack);
    this.#span = this.#trace?.child(SPANS.layerSet, { attributes: { [ATTRIBUTES.layer]: writer.name } });
    within(this.#span, () => writes.set(draft, writer, this, this.#span));
  }

  /** A value the shared layer cannot take: everybody forgets the old one, memory may keep the new one. */
  async #storeLocally(): Promise<void> {
    if (this.#spec.prepared.isOversized) this.#context.counters.remote.oversized++;
    const reply = await this.#partition.invalidate({ ...NOTHING, keys: [this.key] }, this.#trace);
    if (CacheError.is(reply)) {
      this.#fail(reply);
      return;
    }
    if (this.#dates.lease !== undefined) noteMemorySet(this.#trace, this.#remember(reply.epoch, reply.seq));
    this.#finish({ stored: false, outdated: false, delivered: true });
  }

  /** Keeps the value in memory, if no event and no load on its key came since the call. Answers whether it did. */
  #remember(epoch: string, seq: number): boolean {
    const { prepared, tags, lifetime } = this.#spec;
    const { lease, calledAtMs } = this.#dates;
    const { originMs, memory } = this.#context;
    const partition = this.#partition;
    if (epoch !== partition.view.epoch || lease?.epoch !== epoch) return false;
    if (this.#isContestedBeside(seq)) return false;
    if (partition.view.fences.covers(this.key, tags, false)) return false;
    if (!partition.isServable(this.key, tags, lease.seq)) return false;
    return memory.put(
      this.key,
      new MemoryEntry({
        value: prepared.value,
        isCopied: prepared.isCopied,
        expiresMs: memoryExpiry(this.#context, calledAtMs, lifetime.ttlMs, lifetime.memoryTtlMs),
        asOfMs: calledAtMs - originMs,
        lease: lease.seq,
        keySeq: seq,
        tags,
        checkedGeneration: partition.view.generation,
      }),
    );
  }

  /** Whether any event but `ownSeq`, a load or an answer of the shared layer came since the call. */
  #isContestedBeside(ownSeq: number): boolean {
    return this.#isContested || (this.#firstSeq !== 0 && this.#firstSeq !== ownSeq);
  }

  #finish(result: SetResult): void {
    if (this.#journaled !== undefined) this.#partition.outdo(this.key, this.#journaled);
    this.#end();
    this.#waiter.resolve(result);
  }

  #fail(cause: unknown): void {
    this.#end();
    try {
      this.#waiter.resolve({ ...undelivered(this.#context, cause), stored: false, outdated: false });
    } catch (error) {
      this.#waiter.reject(error);
    }
  }

  #end(): void {
    this.#partition.view.activity.remove(this);
    this.#calls.end();
  }

  #endSpan(result: string, error?: unknown): void {
    this.#span?.set(ATTRIBUTES.result, result);
    this.#span?.end(error);
  }
}
