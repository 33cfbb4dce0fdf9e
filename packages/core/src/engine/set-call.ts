import { Pending } from '../coherence/activity.ts';
import type { Invalidation, Lease } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import { MemoryEntry } from '../memory/memory-layer.ts';
import { attributesOf, noteMemorySet } from '../telemetry/layers.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import type { Trace } from '../telemetry/trace.ts';
import { NOTHING } from '../wire/event.ts';
import { type EngineContext, type Lifetime, memoryExpiry } from './context.ts';
import type { Stack } from './layer.ts';
import type { Partition } from './partition.ts';
import type { UnderWay } from './under-way.ts';
import type { PreparedValue } from './values.ts';
import type { Draft, SetOperation, SetReply, Settle } from './write-queue.ts';
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

/** A set that was called, and what this instance knew then. */
export interface SetFacts {
  readonly spec: SetSpec;
  readonly trace: Trace | undefined;
  readonly calledAtMs: number;
  /** `undefined` before the first tail. */
  readonly lease: Lease | undefined;
}

/**
 * A `set` under way, from the call to its answer. Its own event does not count against it, any other one on the key does,
 * and any load of it.
 *
 * It is what waits in the queue and what hears the answer, without a promise in between: sets come by the thousand.
 */
export class SetCall extends Pending implements Settle<SetReply> {
  readonly leaseSeq: number;
  readonly #context: EngineContext;
  readonly #partition: Partition;
  readonly #facts: SetFacts;
  readonly #calls: UnderWay;
  readonly #waiter = Promise.withResolvers<SetResult>();
  /** Own invalidations that were waiting at the call. */
  readonly #journaled: ReadonlySet<Invalidation> | undefined;
  #span: Trace | undefined;
  #firstSeq = 0;
  #isContested = false;
  #isEnded = false;

  /** @param calls counts it from `run` to its end */
  constructor(context: EngineContext, partition: Partition, facts: SetFacts, calls: UnderWay) {
    super(facts.spec.key);
    this.leaseSeq = facts.lease?.seq ?? 0;
    this.#context = context;
    this.#partition = partition;
    this.#facts = facts;
    this.#calls = calls;
    this.#journaled = partition.journal.size === 0 ? undefined : partition.journal.waiting();
  }

  /**
   * Sends the value to the shared layer, or an invalidation where it cannot take it.
   *
   * @throws {CacheError} `NOT_DELIVERED` where `onUndelivered` asks for it
   */
  run(): Promise<SetResult> {
    const { lease, spec } = this.#facts;
    this.#calls.begin();
    this.#partition.view.activity.add(this);
    try {
      if (lease === undefined || spec.prepared.isOversized)
        this.#storeLocally().catch((error: unknown) => this.reject(error));
      else this.#send(lease, spec);
    } catch (error) {
      // A call that could not even be sent ends like one that nobody answered, or it would be under way for ever.
      this.reject(error);
    }
    return this.#waiter.promise;
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

  /** The shared layer has answered. */
  resolve(reply: SetReply): void {
    if (this.#isEnded) return;
    const { outcome } = reply;
    this.#endSpan(outcome);
    if (outcome === 'stored' || outcome === 'skipped')
      noteMemorySet(this.#facts.trace, this.#remember(reply.epoch, reply.seq));
    this.#finish({ stored: outcome === 'stored', outdated: outcome === 'outdated', delivered: true });
  }

  /** The shared layer has given no answer that counts. */
  reject(error: unknown): void {
    // A fault that came up while the others of its call were being told.
    if (this.#isEnded) return;
    this.#endSpan('error', error);
    this.#context.counters.remote.writeErrors++;
    this.#partition.journalize({ ...NOTHING, keys: [this.key] }, error, this.#facts.trace);
    this.#fail(error);
  }

  #send(lease: Lease, { key, prepared, lifetime, tags, version, stack }: SetSpec): void {
    const { trace, calledAtMs } = this.#facts;
    const { view, tiers, writes } = this.#partition;
    const { ttlMs } = lifetime;
    const draft: Draft = {
      key,
      lease,
      ttlMs: ttlMs ?? 0,
      codecId: this.#context.options.codec.id,
      expiresAtMs: ttlMs === undefined ? 0 : view.authorityMs(calledAtMs) + ttlMs,
      tags,
      version,
      payload: prepared.payload,
    };
    const to = tiers.writerOf(stack);
    const span = trace?.child(SPANS.layerSet, { attributes: attributesOf(to) });
    this.#span = span;
    const mayRepeat = this.next !== undefined;
    const operation: SetOperation = { kind: 'set', draft, to, trace: span, settle: this, mayRepeat };
    if (span === undefined) writes.set(operation);
    else span.run(() => writes.set(operation));
  }

  /** A value the shared layer cannot take: everybody forgets the old one, memory may keep the new one. */
  async #storeLocally(): Promise<void> {
    const { spec } = this.#facts;
    if (spec.prepared.isOversized) this.#partition.tiers.noteOversize(spec.stack);
    const reply = await this.#partition.invalidate({ ...NOTHING, keys: [this.key] }, this.#facts.trace);
    if (CacheError.is(reply)) {
      this.#fail(reply);
      return;
    }
    if (this.#facts.lease !== undefined) noteMemorySet(this.#facts.trace, this.#remember(reply.epoch, reply.seq));
    this.#finish({ stored: false, outdated: false, delivered: true });
  }

  /** Keeps the value in memory, if no event and no load on its key came since the call. Answers whether it did. */
  #remember(epoch: string, seq: number): boolean {
    const { lease, calledAtMs, spec } = this.#facts;
    const { prepared, tags, lifetime } = spec;
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
    this.#isEnded = true;
    this.#partition.view.activity.remove(this);
    this.#calls.end();
  }

  #endSpan(result: string, error?: unknown): void {
    this.#span?.set(ATTRIBUTES.result, result);
    this.#span?.end(error);
  }
}
