import { Pending } from '../coherence/activity.ts';
import type { Invalidation, Lease } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import { MemoryEntry } from '../memory/memory-layer.ts';
import type { CollectProgress } from '../store/store.ts';
import { duringSet, noteMemorySet } from '../telemetry/layers.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import { during, type Trace } from '../telemetry/trace.ts';
import { NOTHING } from '../wire/event.ts';
import { type EngineContext, type Lifetime, memoryExpiry } from './context.ts';
import type { Stack } from './layer.ts';
import type { InvalidationOutcome, Partition } from './partition.ts';
import type { PreparedValue } from './values.ts';

/** What became of an invalidation. */
export interface InvalidationResult {
  /**
   * Whether the shared layer has given it its place in the sequence: from then on no instance serves anything older for
   * longer than Δ. False while the shared layer is away; it is journaled then and delivered at reconnect.
   */
  readonly delivered: boolean;
}

/** What became of a `set`. */
export interface SetResult extends InvalidationResult {
  /**
   * Whether the value is in the shared layer. False when it conflicted with another write, was too large, or the shared
   * layer was away: the key is invalidated instead.
   */
  readonly stored: boolean;
  /** Whether what is stored has a higher version and stays. */
  readonly outdated: boolean;
}

/** What became of the invalidation of a pattern. */
export interface PatternResult extends InvalidationResult {
  /**
   * Resolves with the number of stored entries dropped when all have been looked at; rejects when it was cancelled or the
   * shared layer went away. Need not be awaited: the entries are void already and would expire by themselves.
   */
  readonly collected: Promise<number>;
}

/** Whether and how stored entries are dropped; validated. */
export interface CollectPlan {
  readonly isCollecting: boolean;
  readonly signal: AbortSignal | undefined;
  onProgress(progress: CollectProgress): void;
}

/** One value to be set; everything validated, key and tags scoped. */
export interface SetSpec {
  readonly key: string;
  readonly prepared: PreparedValue;
  readonly lifetime: Lifetime;
  readonly tags: readonly string[];
  readonly version: number | undefined;
  readonly stack: Stack;
}

/** A `set` under way. Its own event does not count against it, any other one on the key does, and any load of it. */
class PendingSet extends Pending {
  readonly leaseSeq: number;
  #firstSeq = 0;
  #isContested = false;

  constructor(key: string, leaseSeq: number) {
    super(key);
    this.leaseSeq = leaseSeq;
  }

  mark(seq: number): void {
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

  /** Whether any event but `ownSeq`, a load or an answer of the shared layer came since the call. */
  isContested(ownSeq: number): boolean {
    return this.#isContested || (this.#firstSeq !== 0 && this.#firstSeq !== ownSeq);
  }
}

/** Most keys in one event of a call; longer calls become several events of one round trip. */
const MAX_EVENT_KEYS = 500;

/**
 * Sets and invalidations. Each takes effect on this instance before its call resolves; what nobody confirmed is kept in
 * the journal as an invalidation, and a value is never sent twice.
 */
export class Writes {
  readonly #context: EngineContext;
  readonly #partitions: readonly Partition[];
  readonly #pending = new Set<Promise<unknown>>();

  constructor(context: EngineContext, partitions: readonly Partition[]) {
    this.#context = context;
    this.#partitions = partitions;
  }

  /**
   * Stores a value in all layers.
   *
   * @throws {CacheError} `NOT_DELIVERED` where `onUndelivered` asks for it
   */
  set(spec: SetSpec, trace?: Trace): Promise<SetResult> {
    return this.#track(this.#set(spec, trace));
  }

  /**
   * Stores several values, each as `set` does. Settles when all of them have been answered.
   *
   * @throws {CacheError} `NOT_DELIVERED` where `onUndelivered` asks for it; `facts.items` tells which are journaled
   */
  async setMany(specs: readonly SetSpec[], trace?: Trace): Promise<SetResult[]> {
    const outcomes = await Promise.allSettled(specs.map((spec) => this.set(spec, trace)));
    const faults: unknown[] = [];
    const items: number[] = [];
    const results: SetResult[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') results.push(outcome.value);
      else {
        items.push(index);
        faults.push(outcome.reason);
      }
    }
    if (faults.length === 0) return results;
    const other = faults.find((fault) => !CacheError.is(fault) || fault.code !== 'NOT_DELIVERED');
    if (other !== undefined) throw other;
    const message = `the shared layer did not confirm ${items.length} of ${specs.length} values; they are journaled as invalidations`;
    throw new CacheError('NOT_DELIVERED', message, { subject: 'items', items }, { cause: faults[0] });
  }

  /**
   * Forgets keys everywhere.
   *
   * @throws {CacheError} `NOT_DELIVERED` where `onUndelivered` asks for it
   */
  deleteKeys(keys: readonly string[], trace?: Trace): Promise<InvalidationResult> {
    const byPartition = new Map<Partition, string[]>();
    for (const key of keys) {
      const partition = this.#context.partitionOf(key);
      this.#ownCall(partition, key);
      const own = byPartition.get(partition);
      if (own === undefined) byPartition.set(partition, [key]);
      else own.push(key);
    }
    const events: Promise<InvalidationOutcome>[] = [];
    for (const [partition, own] of byPartition) {
      for (let at = 0; at < own.length; at += MAX_EVENT_KEYS) {
        events.push(partition.invalidate({ ...NOTHING, keys: own.slice(at, at + MAX_EVENT_KEYS) }, trace));
      }
    }
    return this.#track(this.#delivered(events));
  }

  /**
   * Invalidates tags, prefixes or everything, in every partition.
   *
   * @throws {CacheError} `NOT_DELIVERED` where `onUndelivered` asks for it
   */
  invalidate(invalidation: Omit<Invalidation, 'keys'>, trace?: Trace): Promise<InvalidationResult> {
    const { tags, prefixes, patterns, clear } = invalidation;
    // An event that names nothing would be read as one of a later format, which is taken to name everything.
    if (tags.length === 0 && prefixes.length === 0 && patterns.length === 0 && !clear)
      return Promise.resolve({ delivered: true });
    const events = this.#partitions.map((partition) => partition.invalidate({ ...invalidation, keys: [] }, trace));
    return this.#track(this.#delivered(events));
  }

  /** Invalidates all keys that match a scoped glob, and then frees what they take in the shared layer. */
  async invalidatePattern(pattern: string, plan: CollectPlan, trace?: Trace): Promise<PatternResult> {
    const { delivered } = await this.invalidate({ ...NOTHING, patterns: [pattern] }, trace);
    const isCollecting = plan.isCollecting && delivered;
    return { delivered, collected: isCollecting ? this.#collect(pattern, plan, trace) : Promise.resolve(0) };
  }

  #collect(pattern: string, plan: CollectPlan, trace: Trace | undefined): Promise<number> {
    const span = trace && this.#context.recorder.background(SPANS.collect, [trace], {});
    const collected = during(span, async () => {
      const dropped = await this.#collectAll(pattern, plan);
      span?.set(ATTRIBUTES.dropped, dropped);
      return dropped;
    });
    // Nobody has to wait for it, and what it leaves behind expires.
    collected.catch(() => {});
    return collected;
  }

  async #collectAll(pattern: string, plan: CollectPlan): Promise<number> {
    const { emitter } = this.#context;
    const totals = this.#partitions.map(() => ({ dropped: 0, scanned: 0 }));
    const parts = this.#partitions.map((partition, index) =>
      partition.store.collect(pattern, {
        signal: plan.signal,
        onProgress: (progress) => {
          totals[index] = progress;
          emitter.guard(() => plan.onProgress(sum(totals)));
        },
      }),
    );
    return (await Promise.all(parts)).reduce((total, count) => total + count, 0);
  }

  /** Resolves when no call is under way any more. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  async #set(spec: SetSpec, trace: Trace | undefined): Promise<SetResult> {
    const { key } = spec;
    const partition = this.#context.partitionOf(key);
    const calledAtMs = this.#context.options.clock.wallMs();
    const lease = partition.view.lease();
    if (!partition.isStarted) await partition.started;
    this.#ownCall(partition, key);
    const journaled = partition.journal.size === 0 ? undefined : partition.journal.waiting();
    const pending = new PendingSet(key, lease?.seq ?? 0);
    partition.view.activity.add(pending);
    try {
      const isSendable = lease !== undefined && !spec.prepared.isOversized;
      const result = isSendable
        ? await this.#store(partition, spec, pending, lease, calledAtMs, trace)
        : await this.#storeLocally(partition, spec, pending, lease, calledAtMs, trace);
      if (result.delivered && journaled !== undefined) partition.outdo(key, journaled);
      return result;
    } finally {
      partition.view.activity.remove(pending);
    }
  }

  async #store(
    partition: Partition,
    spec: SetSpec,
    pending: PendingSet,
    lease: Lease,
    calledAtMs: number,
    trace: Trace | undefined,
  ): Promise<SetResult> {
    const { options, counters } = this.#context;
    const { key, prepared, lifetime, tags } = spec;
    const { ttlMs } = lifetime;
    const expiresAtMs = ttlMs === undefined ? 0 : partition.view.authorityMs(calledAtMs) + ttlMs;
    const header = { codecId: options.codec.id, expiresAtMs, tags, version: spec.version };
    try {
      const draft = { key, lease, ttlMs: ttlMs ?? 0, header, payload: prepared.payload };
      const writer = partition.tiers.writerOf(spec.stack);
      const reply = await duringSet(trace, writer.name, (span) => partition.writes.set(draft, writer, span));
      if (reply.outcome === 'stored' || reply.outcome === 'skipped') {
        const isKept = this.#remember(partition, spec, pending, {
          lease,
          seq: reply.seq,
          epoch: reply.epoch,
          calledAtMs,
        });
        noteMemorySet(trace, isKept);
      }
      return { stored: reply.outcome === 'stored', outdated: reply.outcome === 'outdated', delivered: true };
    } catch (error) {
      counters.remote.writeErrors++;
      partition.journalize({ ...NOTHING, keys: [key] }, error, trace);
      return { ...this.#undelivered(error), stored: false, outdated: false };
    }
  }

  /** A value the shared layer cannot take: everybody forgets the old one, memory may keep the new one. */
  async #storeLocally(
    partition: Partition,
    spec: SetSpec,
    pending: PendingSet,
    lease: Lease | undefined,
    calledAtMs: number,
    trace: Trace | undefined,
  ): Promise<SetResult> {
    if (spec.prepared.isOversized) this.#context.counters.remote.oversized++;
    const reply = await partition.invalidate({ ...NOTHING, keys: [spec.key] }, trace);
    if (CacheError.is(reply)) return { ...this.#undelivered(reply), stored: false, outdated: false };
    if (lease !== undefined) {
      const dates = { lease, seq: reply.seq, epoch: reply.epoch, calledAtMs };
      noteMemorySet(trace, this.#remember(partition, spec, pending, dates));
    }
    return { stored: false, outdated: false, delivered: true };
  }

  /** Keeps a set value in memory, if no event and no load on its key came since the call. Answers whether it did. */
  #remember(
    partition: Partition,
    spec: SetSpec,
    pending: PendingSet,
    dates: { lease: Lease; seq: number; epoch: string; calledAtMs: number },
  ): boolean {
    const { key, prepared, tags, lifetime } = spec;
    const { originMs, memory } = this.#context;
    if (dates.epoch !== partition.view.epoch || dates.lease.epoch !== dates.epoch) return false;
    if (pending.isContested(dates.seq)) return false;
    if (partition.view.fences.covers(key, tags, false)) return false;
    if (!partition.isServable(key, tags, dates.lease.seq)) return false;
    return memory.put(
      key,
      new MemoryEntry({
        value: prepared.value,
        isCopied: prepared.isCopied,
        expiresMs: memoryExpiry(this.#context, dates.calledAtMs, lifetime.ttlMs, lifetime.memoryTtlMs),
        asOfMs: dates.calledAtMs - originMs,
        lease: dates.lease.seq,
        keySeq: dates.seq,
        tags,
        checkedGeneration: partition.view.generation,
      }),
    );
  }

  /** The effect of an own call on one key that needs no number yet. */
  #ownCall(partition: Partition, key: string): void {
    this.#context.memory.invalidate(key);
    partition.view.activity.mark(key, Number.POSITIVE_INFINITY);
  }

  async #delivered(events: readonly Promise<InvalidationOutcome>[]): Promise<InvalidationResult> {
    const fault = (await Promise.all(events)).find((outcome) => CacheError.is(outcome));
    return fault === undefined ? { delivered: true } : this.#undelivered(fault);
  }

  #undelivered(cause: unknown): InvalidationResult {
    if (this.#context.options.onUndelivered !== 'throw') return { delivered: false };
    const message = 'the shared layer did not confirm the invalidation; it is journaled';
    throw new CacheError('NOT_DELIVERED', message, {}, { cause });
  }

  #track<R>(call: Promise<R>): Promise<R> {
    const end = (): void => {
      this.#pending.delete(settled);
    };
    const settled: Promise<void> = call.then(end, end);
    this.#pending.add(settled);
    return call;
  }
}

function sum(parts: readonly CollectProgress[]): CollectProgress {
  return {
    dropped: parts.reduce((total, { dropped }) => total + dropped, 0),
    scanned: parts.reduce((total, { scanned }) => total + scanned, 0),
  };
}
