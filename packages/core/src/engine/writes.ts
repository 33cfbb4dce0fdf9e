import type { Invalidation } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import type { CollectProgress } from '../store/store.ts';
import { ATTRIBUTES, SPANS } from '../telemetry/names.ts';
import { during, type Trace } from '../telemetry/trace.ts';
import { NOTHING } from '../wire/event.ts';
import type { EngineContext } from './context.ts';
import type { InvalidationOutcome, Partition } from './partition.ts';
import { SetCall, type SetFacts, type SetSpec } from './set-call.ts';
import { UnderWay } from './under-way.ts';
import { type InvalidationResult, type PatternResult, type SetResult, undelivered } from './write-results.ts';

/** Whether and how stored entries are dropped; validated. */
export interface CollectPlan {
  readonly isCollecting: boolean;
  readonly signal: AbortSignal | undefined;
  onProgress(progress: CollectProgress): void;
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
  readonly #underWay = new UnderWay();
  readonly #end = (): void => this.#underWay.end();

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
    const partition = this.#context.partitionOf(spec.key);
    const facts = { spec, trace, calledAtMs: this.#context.options.clock.wallMs(), lease: partition.view.lease() };
    if (partition.isStarted) return this.#begin(partition, facts);
    return this.#track(partition.started.then(() => this.#begin(partition, facts)));
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
    throw new CacheError(
      'NOT_DELIVERED',
      message,
      { subject: 'items', items },
      { cause: (faults[0] as CacheError).cause },
    );
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
  settle(): Promise<void> {
    return this.#underWay.settle();
  }

  #begin(partition: Partition, facts: SetFacts): Promise<SetResult> {
    this.#ownCall(partition, facts.spec.key);
    return new SetCall(this.#context, partition, facts, this.#underWay).run();
  }

  /** The effect of an own call on one key that needs no number yet. */
  #ownCall(partition: Partition, key: string): void {
    this.#context.memory.invalidate(key);
    partition.view.activity.mark(key, Number.POSITIVE_INFINITY);
  }

  async #delivered(events: readonly Promise<InvalidationOutcome>[]): Promise<InvalidationResult> {
    const fault = (await Promise.all(events)).find((outcome) => CacheError.is(outcome));
    return fault === undefined ? { delivered: true } : undelivered(this.#context, fault);
  }

  #track<R>(call: Promise<R>): Promise<R> {
    this.#underWay.begin();
    call.then(this.#end, this.#end);
    return call;
  }
}

function sum(parts: readonly CollectProgress[]): CollectProgress {
  return {
    dropped: parts.reduce((total, { dropped }) => total + dropped, 0),
    scanned: parts.reduce((total, { scanned }) => total + scanned, 0),
  };
}
