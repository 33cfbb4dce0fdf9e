import { ChurnMap } from '../churn-map.ts';
import { checkTags, scoped } from '../keys.ts';
import { MemoryEntry } from '../memory/memory-layer.ts';
import { resolveTtl, type Ttl } from '../options.ts';
import { errorType } from '../telemetry/error-type.ts';
import { keyText } from '../telemetry/key-text.ts';
import { duringSet, noteMemorySet } from '../telemetry/layers.ts';
import { ATTRIBUTES, DURATIONS, SPANS } from '../telemetry/names.ts';
import { during, type Trace } from '../telemetry/trace.ts';
import { type EngineContext, type Lifetime, memoryExpiry } from './context.ts';
import { Flight, type LoadContext, type Loader, runLoader, waitFor } from './flight.ts';
import type { Stack } from './layer.ts';
import type { Partition } from './partition.ts';
import { Turns } from './turns.ts';
import { UnderWay } from './under-way.ts';
import type { PreparedValue } from './values.ts';
import type { Draft } from './write-queue.ts';

/** How to load one key and what to do with the result; validated. */
export interface LoadSpec {
  readonly loader: Loader<unknown>;
  /** For ever, a number of milliseconds, or computed from the value. */
  readonly lifetime: Lifetime;
  readonly ttlOf: ((value: unknown) => Ttl) | undefined;
  /** Scoped. */
  readonly tags: readonly string[];
  /** Not scoped. */
  readonly tagsOf: ((value: unknown) => readonly string[]) | undefined;
  readonly scope: string;
  readonly stack: Stack;
  readonly timeoutMs: number | undefined;
  /** Lets one waiter go; the load goes on. */
  readonly signal: AbortSignal | undefined;
}

/** Turns the arguments of a call into a spec; asked only after a memory miss. */
export interface LoadCall<L, O> {
  /** @throws {CacheError} for arguments that break a rule */
  resolve(loader: L, options: O): LoadSpec;
}

interface Ready {
  readonly prepared: PreparedValue;
  readonly stack: Stack;
  readonly tags: readonly string[];
  readonly ttlMs: number | undefined;
}

/** Flights a read waits for before it starts its own; the second one began after the read and always answers it. */
const MAX_ATTEMPTS = 3;

/**
 * Loads with a single flight a key.
 *
 * Kept true: only the newest flight of a key can be joined or may write to memory; a value the shared layer refused
 * enters memory neither; what a marked flight brought is answered to those it may still be answered to, and kept nowhere.
 */
export class Loads {
  readonly #context: EngineContext;
  readonly #newest = new ChurnMap<Flight>();
  /** Loaded values on their way into the layers. */
  readonly #keeping = new UnderWay();
  readonly #turns: Turns;
  #running = 0;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#turns = new Turns(context.options.maxLoads, context.options.clock);
  }

  /** Loads under way. */
  get running(): number {
    return this.#running;
  }

  /** The newest flight of `key`, if a read that began at `beganMs` may wait for it. */
  joinable(partition: Partition, key: string, beganMs: number): Flight | undefined {
    const flight = this.#newest.get(key);
    if (flight === undefined || flight.isMarked) return undefined;
    const { view } = partition;
    // Tags that only the value will tell may be among those invalidated since.
    if (view.fences.coversExclusively(key, flight.tags, flight.hasUnknownTags)) return undefined;
    const isUntouched = flight.hasUnknownTags
      ? !view.hasVersionAbove(flight.leaseSeq)
      : view.isValid(key, flight.tags, flight.leaseSeq);
    return isUntouched && this.#mayAnswer(partition, flight, beganMs) ? flight : undefined;
  }

  /** A loaded value on its way into the layers, for readers that do not wait. */
  settled(partition: Partition, key: string, beganMs: number): { value: unknown; isCopied: boolean } | undefined {
    return this.#newest.size === 0 ? undefined : this.joinable(partition, key, beganMs)?.loaded;
  }

  /** The value for a read that began at `beganMs`, from a flight it may join or from one of its own. */
  async load(partition: Partition, key: string, beganMs: number, spec: LoadSpec, trace?: Trace): Promise<unknown> {
    const { signal } = spec;
    const { counters, values } = this.#context;
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      const flight = this.joinable(partition, key, beganMs);
      if (flight === undefined) break;
      counters.loads.shared++;
      const result = waitFor(flight.result, signal);
      const loaded = await (trace === undefined ? result : during(waiting(flight, trace), () => result));
      if (this.#mayAnswer(partition, flight, beganMs)) return values.release(loaded);
    }
    const own = this.#start(partition, key, spec, trace);
    return values.release(await waitFor(own.result, signal));
  }

  /** Resolves when no loaded value is on its way into the layers any more. */
  settle(): Promise<void> {
    return this.#keeping.settle();
  }

  /** The rule of flights: young as seen from the read, or unmarked, valid and proved late enough. */
  #mayAnswer(partition: Partition, flight: Flight, beganMs: number): boolean {
    const nowMs = this.#context.options.clock.wallMs();
    const { view } = partition;
    if (view.proof.isYoung(flight.startedAtMs, beganMs, nowMs)) return true;
    if (flight.lease === undefined || flight.isMarked || flight.lease.epoch !== view.epoch) return false;
    return view.isValid(flight.key, flight.tags, flight.lease.seq) && view.proof.covers(beganMs, nowMs);
  }

  #start(partition: Partition, key: string, spec: LoadSpec, trace: Trace | undefined): Flight {
    const { options, counters } = this.#context;
    counters.loads.started++;
    this.#running++;
    const { view } = partition;
    const isFenced = view.fences.covers(key, spec.tags, spec.tagsOf !== undefined);
    const flight = new Flight({
      key,
      isFenced,
      lease: isFenced ? undefined : view.lease(),
      startedAtMs: options.clock.wallMs(),
      date: view.answers.date,
      tags: spec.tags,
      hasUnknownTags: spec.tagsOf !== undefined,
      owner: trace,
      trace: trace?.child(SPANS.load, { attributes: {}, key: keyText(key) }),
      start: (self) => this.#run(partition, self, spec),
    });
    return flight;
  }

  async #run(partition: Partition, flight: Flight, spec: LoadSpec): Promise<Flight['loaded'] & object> {
    const { counters } = this.#context;
    this.#newest.set(flight.key, flight);
    partition.view.activity.addLoad(flight);
    let ready: Ready;
    try {
      ready = await during(flight.trace, () => this.#bring(spec));
    } catch (error) {
      counters.loads.failed++;
      this.#end(partition, flight);
      throw error;
    } finally {
      this.#running--;
    }
    const { value, isCopied } = ready.prepared;
    const loaded = { value, isCopied };
    flight.land(loaded, ready.tags);
    // Its waiters are answered now, and nobody may go back behind that while the shared layer takes its time.
    this.#context.memory.dropOlder(flight.key, flight.startedAtMs - this.#context.originMs);
    partition.view.answers.note(flight.key, flight.date);
    this.#keeping.begin();
    void this.#keep(partition, flight, ready, spec.lifetime).finally(() => {
      this.#keeping.end();
      this.#end(partition, flight);
    });
    return loaded;
  }

  /** Runs the loader in its turn and prepares what it brings. */
  async #bring(spec: LoadSpec): Promise<Ready> {
    const { clock } = this.#context.options;
    const inTurn: Loader<unknown> = (context) => this.#turns.run(() => untilAborted(spec.loader, context));
    const beganMs = clock.monotonicMs();
    try {
      const ready = this.#ready(await runLoader(inTurn, spec.timeoutMs, clock), spec);
      this.#measure(clock.monotonicMs() - beganMs, undefined);
      return ready;
    } catch (error) {
      this.#measure(clock.monotonicMs() - beganMs, error);
      throw error;
    }
  }

  #measure(tookMs: number, error: unknown): void {
    const { counters, recorder } = this.#context;
    counters.loadLatency.record(tookMs);
    const attributes = error === undefined ? {} : { [ATTRIBUTES.errorType]: errorType(error) };
    recorder.measure(DURATIONS.load, tookMs / 1000, attributes);
  }

  #ready(value: unknown, spec: LoadSpec): Ready {
    const { stack } = spec;
    const { values } = this.#context;
    const prepared = values.prepare(value);
    const ttlMs = spec.ttlOf === undefined ? spec.lifetime.ttlMs : resolveTtl(spec.ttlOf(value), 'ttl');
    const more = spec.tagsOf === undefined ? [] : checkTags(spec.tagsOf(value)).map((tag) => scoped(spec.scope, tag));
    const tags = more.length === 0 ? spec.tags : [...new Set([...spec.tags, ...more])];
    values.checkSize(prepared, tags, stack);
    return { prepared, ttlMs, stack, tags };
  }

  #end(partition: Partition, flight: Flight): void {
    partition.view.activity.remove(flight);
    if (this.#newest.get(flight.key) === flight) this.#newest.delete(flight.key);
  }

  /** Stores a loaded value for all instances, then keeps it here; or neither. Never rejects. */
  async #keep(partition: Partition, flight: Flight, ready: Ready, lifetime: Lifetime): Promise<void> {
    const { counters, memory } = this.#context;
    const isStored = this.#mayKeep(partition, flight, ready.tags) && (await this.#fill(partition, flight, ready));
    if (isStored && this.#mayKeep(partition, flight, ready.tags)) {
      const isKept = memory.put(flight.key, this.#entry(partition, flight, ready, lifetime));
      noteMemorySet(flight.owner, isKept);
      return;
    }
    noteMemorySet(flight.owner, false);
    counters.loads.unkept++;
    // Its waiters were answered with something newer than what memory may hold, and nobody may go back behind that.
    memory.dropOlder(flight.key, flight.startedAtMs - this.#context.originMs);
  }

  #mayKeep(partition: Partition, flight: Flight, tags: readonly string[]): boolean {
    if (this.#context.isClosed() || flight.isMarked || flight.isFenced || this.#newest.get(flight.key) !== flight)
      return false;
    if (partition.view.fences.covers(flight.key, tags, false)) return false;
    return partition.isServable(flight.key, tags, flight.leaseSeq);
  }

  /** Answers whether memory may keep the value: it was stored, or nothing could say that it must not be. */
  async #fill(partition: Partition, flight: Flight, ready: Ready): Promise<boolean> {
    const { counters } = this.#context;
    const { lease } = flight;
    if (ready.prepared.isOversized) {
      partition.tiers.noteOversize(ready.stack);
      return true;
    }
    // Without a lease there is nothing to fill with, and memory may serve the value while it is young.
    if (lease === undefined) return true;
    try {
      const draft = this.#draft(partition, flight, lease, ready);
      const writer = partition.tiers.writerOf(ready.stack);
      const result = await duringSet(flight.owner, writer, (trace) => partition.writes.fill(draft, writer, trace));
      if (!partition.confirmEpoch(result.epoch)) return false;
      partition.view.meet(result.epoch, result.seq);
      if (result.outcome === 'skipped') return true;
      if (result.outcome === 'stored') counters.remote.fills++;
      else counters.remote.fillsRefused++;
      return result.outcome === 'stored';
    } catch (error) {
      // Nobody answered: the value keeps its lease, and without proof memory serves it only while it is young.
      partition.report(error);
      counters.remote.writeErrors++;
      return true;
    }
  }

  #draft(partition: Partition, flight: Flight, lease: NonNullable<Flight['lease']>, ready: Ready): Draft {
    const { options } = this.#context;
    return {
      key: flight.key,
      lease,
      ttlMs: ready.ttlMs ?? 0,
      codecId: options.codec.id,
      expiresAtMs: ready.ttlMs === undefined ? 0 : partition.view.authorityMs(options.clock.wallMs()) + ready.ttlMs,
      version: undefined,
      tags: ready.tags,
      payload: ready.prepared.payload,
    };
  }

  #entry(partition: Partition, flight: Flight, ready: Ready, lifetime: Lifetime): MemoryEntry {
    const { options, originMs } = this.#context;
    return new MemoryEntry({
      value: ready.prepared.value,
      isCopied: ready.prepared.isCopied,
      expiresMs: memoryExpiry(this.#context, options.clock.wallMs(), ready.ttlMs, lifetime.memoryTtlMs),
      asOfMs: flight.startedAtMs - originMs,
      lease: flight.leaseSeq,
      keySeq: flight.leaseSeq,
      tags: ready.tags,
      checkedGeneration: partition.view.generation,
    });
  }
}

/** The wait for a load that another call has started, tied to that load. */
function waiting({ trace: load }: Flight, trace: Trace | undefined): Trace | undefined {
  return trace?.child(SPANS.loadWait, { attributes: {}, links: load === undefined ? [] : [load] });
}

/** Runs a loader for as long as anybody waits for it: one that never settles must not keep its turn. */
async function untilAborted(loader: Loader<unknown>, context: LoadContext): Promise<unknown> {
  context.signal.throwIfAborted();
  return waitFor(Promise.resolve(loader(context)), context.signal);
}
