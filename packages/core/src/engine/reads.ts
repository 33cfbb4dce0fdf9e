import type { Clock } from '../clock.ts';
import { checkWellFormed } from '../keys.ts';
import { type MemoryEntry, type MemoryLayer, NEVER_MS } from '../memory/memory-layer.ts';
import type { Counters } from '../stats.ts';
import { keyText } from '../telemetry/key-text.ts';
import { noteMemoryGet } from '../telemetry/layers.ts';
import { ATTRIBUTES, type LayerResult, OPERATION_SPANS } from '../telemetry/names.ts';
import type { Recorder } from '../telemetry/recorder.ts';
import type { Trace } from '../telemetry/trace.ts';
import { asOfWallMs, type EngineContext } from './context.ts';
import { waitFor } from './flight.ts';
import type { Found } from './found.ts';
import type { Stack } from './layer.ts';
import type { LoadCall, LoadSpec, Loads } from './loads.ts';
import type { Partition } from './partition.ts';
import { SharedReads } from './shared-reads.ts';
import type { HeldValue, Values } from './values.ts';
import type { SharedRead } from './way-down.ts';
import { KeySpans, LayerSpans } from './way-spans.ts';

/** How one read is made; validated. */
export interface ReadSpec {
  readonly signal: AbortSignal | undefined;
  /** Cap on the lifetime in memory of what the shared layer answers; `undefined` for none. */
  readonly memoryTtlMs: number | undefined;
  /** The shared layers to ask. */
  readonly stack: Stack;
}

/** An entry as `entry()` shows it, value not yet released. */
export interface FoundEntry extends Found {
  readonly ageMs: number;
  /** `undefined` for ever. */
  readonly expiresInMs: number | undefined;
}

/**
 * The read ladder of one cache: own journal, memory by proof or youth, the shared layer only with proof, the loader.
 * The only place where the layers meet.
 *
 * Nothing is told of a read unless somebody records it, which is one question at its start.
 */
export class Reads {
  readonly #context: EngineContext;
  readonly #loads: Loads;
  readonly #shared: SharedReads;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #memory: MemoryLayer;
  readonly #values: Values;
  readonly #counters: Counters;
  readonly #originMs: number;
  readonly #single: Partition | undefined;
  /** Why memory did not answer, for the span of the read that just asked it. */
  #missed: LayerResult = 'miss';

  constructor(context: EngineContext, loads: Loads) {
    this.#context = context;
    this.#loads = loads;
    this.#shared = new SharedReads(context);
    this.#recorder = context.recorder;
    this.#clock = context.options.clock;
    this.#memory = context.memory;
    this.#values = context.values;
    this.#counters = context.counters;
    this.#originMs = context.originMs;
    this.#single = context.single;
  }

  /** The value in memory, by the same rule of freshness as every other read. Synchronous. */
  peek(key: string): unknown {
    const trace = this.#recorder.isRecording() ? this.#begin(OPERATION_SPANS.peek, key) : undefined;
    const nowMs = this.#clock.wallMs();
    const held = this.#fresh(key, nowMs) ?? this.#loads.settled(this.#partitionOf(key), key, nowMs);
    if (held === undefined) this.#counters.memory.misses++;
    else this.#counters.memory.hits++;
    if (trace !== undefined) {
      this.#noteMemory(trace, key, held);
      trace.set(ATTRIBUTES.hit, held !== undefined);
      trace.end();
    }
    return held && this.#values.release(held);
  }

  /** The value of `key`; `undefined` when no layer has it. */
  get(key: string, read: ReadSpec): Promise<unknown> {
    if (this.#recorder.isRecording()) {
      return this.#recorded(OPERATION_SPANS.get, key, (trace) => this.#get(key, read, trace));
    }
    return this.#get(key, read, undefined);
  }

  /** The values of several keys, in their order; what memory does not have is one read of the shared layer. */
  getMany(keys: readonly string[], read: ReadSpec): Promise<unknown[]> {
    if (this.#recorder.isRecording()) {
      const attributes = { [ATTRIBUTES.keyCount]: keys.length };
      return this.#recorder.operation(OPERATION_SPANS.getMany, { attributes }, (trace) =>
        this.#getMany(keys, read, trace),
      );
    }
    return this.#getMany(keys, read, undefined);
  }

  /** A found entry with its dates. */
  entry(key: string, read: ReadSpec): Promise<FoundEntry | undefined> {
    if (this.#recorder.isRecording()) {
      return this.#recorded(OPERATION_SPANS.entry, key, (trace) => this.#entry(key, read, trace));
    }
    return this.#entry(key, read, undefined);
  }

  /** The value of `key`, loaded when no layer has it. */
  getOrSet<L, O>(key: string, call: LoadCall<L, O>, loader: L, options: O): Promise<unknown> {
    if (this.#recorder.isRecording()) {
      return this.#recorded(OPERATION_SPANS.getOrSet, key, (trace) =>
        this.#getOrSet(key, call, loader, options, trace),
      );
    }
    return this.#getOrSet(key, call, loader, options, undefined);
  }

  /**
   * The values of several keys, in their order, each loaded when no layer has it, as soon as that is known. `each` is asked
   * for what memory does not have, and what it throws rejects the call before anything was read or loaded.
   */
  getOrSetMany<L, O>(
    keys: readonly string[],
    read: ReadSpec,
    call: LoadCall<L, O>,
    each: (index: number) => readonly [loader: L, options: O],
  ): Promise<unknown[]> {
    const specOf = (index: number): LoadSpec => call.resolve(...each(index));
    if (!this.#recorder.isRecording()) return this.#getOrSetMany(keys, read, specOf, undefined);
    const attributes = { [ATTRIBUTES.keyCount]: keys.length };
    return this.#recorder.operation(OPERATION_SPANS.getMany, { attributes }, (trace) =>
      this.#getOrSetMany(keys, read, specOf, trace),
    );
  }

  #partitionOf(key: string): Partition {
    return this.#single ?? this.#context.partitionOf(key);
  }

  /**
   * The entry in memory if it may be served now: not expired, proved or young, and valid. The hot path reads the clock
   * once; validity is one comparison unless something was invalidated since the entry was last looked at.
   */
  #fresh(key: string, nowMs: number): MemoryEntry | undefined {
    const entry = this.#memory.get(key);
    if (entry === undefined) {
      this.#missed = 'miss';
      return undefined;
    }
    const sinceOriginMs = nowMs - this.#originMs;
    if (sinceOriginMs >= entry.expiresMs && entry.expiresMs !== NEVER_MS) {
      this.#memory.expire(key);
      this.#counters.memory.expired++;
      this.#missed = 'expired';
      return undefined;
    }
    const partition = this.#partitionOf(key);
    const { view } = partition;
    if (!view.proof.covers(nowMs) && !view.proof.isYoung(entry.asOfMs + this.#originMs, nowMs)) {
      this.#counters.memory.unproved++;
      this.#missed = 'unproved';
      return undefined;
    }
    if (entry.checkedGeneration === view.generation) return entry;
    if (partition.isServable(key, entry.tags, entry.lease)) {
      entry.checkedGeneration = view.generation;
      return entry;
    }
    this.#memory.invalidate(key);
    this.#counters.memory.stale++;
    this.#missed = 'stale';
    return undefined;
  }

  #get(key: string, read: ReadSpec, trace: Trace | undefined): Promise<unknown> {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs);
    if (entry === undefined) return this.#getSlowly(key, nowMs, read, trace);
    this.#counters.memory.hits++;
    if (trace !== undefined) this.#noteMemory(trace, key, entry);
    return this.#values.released(entry);
  }

  #getMany(keys: readonly string[], read: ReadSpec, trace: Trace | undefined): Promise<unknown[]> {
    const nowMs = this.#clock.wallMs();
    const { values, missing } = this.#lookUp(keys, nowMs, 'entries and loaded', trace);
    if (missing.length === 0) return Promise.resolve(values);
    for (const index of missing) checkWellFormed(keys[index] as string);
    const spans = trace && new LayerSpans(trace, missing.length, read.stack.length);
    const filled = this.#shared.fill(values, missing, keys, sharedRead(read, nowMs), spans);
    const many = waitFor(filled, read.signal);
    return trace === undefined ? many : many.finally(() => noteHits(trace, keys.length, missing.length, spans?.hits));
  }

  async #getOrSetMany(
    keys: readonly string[],
    read: ReadSpec,
    specOf: (index: number) => LoadSpec,
    trace: Trace | undefined,
  ): Promise<unknown[]> {
    const nowMs = this.#clock.wallMs();
    const { values, missing } = this.#lookUp(keys, nowMs, 'entries', trace);
    if (missing.length === 0) return values;
    const open = missing.map((index) => {
      const key = keys[index] as string;
      checkWellFormed(key);
      return { key, index, spec: specOf(index) };
    });
    // A flight may have landed by the time that the shared layers answer for the other keys.
    const joins = open.map(({ key }) => this.#loads.joinable(this.#partitionOf(key), key, nowMs) !== undefined);
    const asked = joins.filter((isJoined) => !isJoined).length;
    const spans = trace && new LayerSpans(trace, asked, read.stack.length);
    const shared = sharedRead(read, nowMs);
    const bring = async ({ key, index, spec }: (typeof open)[number], at: number): Promise<void> => {
      let value = joins[at] ? undefined : await waitFor(this.#shared.value(key, shared, spans), read.signal);
      if (value === undefined) value = await this.#loads.load(this.#partitionOf(key), key, nowMs, spec, trace);
      values[index] = value;
    };
    try {
      await Promise.all(open.map(bring));
    } finally {
      if (trace !== undefined) noteHits(trace, keys.length, missing.length, spans?.hits);
    }
    return values;
  }

  /**
   * What memory has for several keys, in their order, and the places for which it has nothing; counted. A read that cannot
   * load takes what was loaded just now as well.
   */
  #lookUp(
    keys: readonly string[],
    nowMs: number,
    what: 'entries' | 'entries and loaded',
    trace: Trace | undefined,
  ): { values: unknown[]; missing: number[] } {
    const values = new Array<unknown>(keys.length).fill(undefined);
    const missing: number[] = [];
    for (const [index, key] of keys.entries()) {
      let held: HeldValue | undefined = this.#fresh(key, nowMs);
      if (what === 'entries and loaded') held ??= this.#loads.settled(this.#partitionOf(key), key, nowMs);
      if (held === undefined) missing.push(index);
      else values[index] = this.#values.release(held);
    }
    this.#counters.memory.hits += keys.length - missing.length;
    this.#counters.memory.misses += missing.length;
    if (trace !== undefined) {
      noteMemoryGet(trace, missing.length === 0 ? 'hit' : 'miss', { hits: keys.length - missing.length });
      noteHits(trace, keys.length, missing.length);
    }
    return { values, missing };
  }

  #getOrSet<L, O>(
    key: string,
    call: LoadCall<L, O>,
    loader: L,
    options: O,
    trace: Trace | undefined,
  ): Promise<unknown> {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs);
    if (entry === undefined) return this.#loadSlowly(key, nowMs, call, loader, options, trace);
    this.#counters.memory.hits++;
    if (trace !== undefined) this.#noteMemory(trace, key, entry);
    return this.#values.released(entry);
  }

  async #entry(key: string, read: ReadSpec, trace: Trace | undefined): Promise<FoundEntry | undefined> {
    const found = await this.#find(key, read, trace);
    if (found === undefined) return undefined;
    const nowMs = this.#clock.wallMs();
    const { expiresMs } = found.entry;
    return {
      ...found,
      ageMs: Math.max(0, nowMs - asOfWallMs(this.#context, found.entry)),
      expiresInMs: expiresMs === NEVER_MS ? undefined : Math.max(0, expiresMs + this.#originMs - nowMs),
    };
  }

  async #find(key: string, read: ReadSpec, trace: Trace | undefined): Promise<Found | undefined> {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs);
    if (trace !== undefined) this.#noteMemory(trace, key, entry);
    if (entry !== undefined) {
      this.#counters.memory.hits++;
      return { entry, layer: 'memory' };
    }
    this.#counters.memory.misses++;
    checkWellFormed(key);
    return waitFor(this.#shared.entry(key, sharedRead(read, nowMs), trace && new KeySpans(trace, key)), read.signal);
  }

  #getSlowly(key: string, beganMs: number, read: ReadSpec, trace: Trace | undefined): Promise<unknown> {
    const loaded = this.#loads.settled(this.#partitionOf(key), key, beganMs);
    if (trace !== undefined) this.#noteMemory(trace, key, loaded);
    if (loaded !== undefined) {
      this.#counters.memory.hits++;
      return Promise.resolve(this.#values.release(loaded));
    }
    this.#counters.memory.misses++;
    checkWellFormed(key);
    return waitFor(this.#shared.value(key, sharedRead(read, beganMs), trace && new KeySpans(trace, key)), read.signal);
  }

  async #loadSlowly<L, O>(
    key: string,
    beganMs: number,
    call: LoadCall<L, O>,
    loader: L,
    options: O,
    trace: Trace | undefined,
  ): Promise<unknown> {
    this.#counters.memory.misses++;
    if (trace !== undefined) this.#noteMemory(trace, key, undefined);
    checkWellFormed(key);
    const spec = call.resolve(loader, options);
    const partition = this.#partitionOf(key);
    if (this.#loads.joinable(partition, key, beganMs) === undefined) {
      const shared = { memoryTtlMs: spec.lifetime.memoryTtlMs, stack: spec.stack, beganMs };
      const value = await waitFor(this.#shared.value(key, shared, trace && new KeySpans(trace, key)), spec.signal);
      if (value !== undefined) return value;
    } else {
      trace?.set(ATTRIBUTES.hit, false);
    }
    return this.#loads.load(partition, key, beganMs, spec, trace);
  }

  /** Begins the span of a synchronous call; `undefined` where nothing of it is kept. */
  #begin(name: string, key: string): Trace | undefined {
    const trace = this.#recorder.begin(name, { parent: 'active', attributes: {}, key: keyText(key) });
    if (trace.isRecording) return trace;
    trace.end();
    return undefined;
  }

  #recorded<R>(name: string, key: string, call: (trace: Trace | undefined) => Promise<R>): Promise<R> {
    return this.#recorder.operation(name, { attributes: {}, key: keyText(key) }, call);
  }

  #noteMemory(trace: Trace, key: string, held: object | undefined): void {
    noteMemoryGet(trace, held === undefined ? this.#missed : 'hit', { key: keyText(key) });
    if (held !== undefined) trace.set(ATTRIBUTES.hit, true);
  }
}

function sharedRead({ memoryTtlMs, stack }: ReadSpec, beganMs: number): SharedRead {
  return { memoryTtlMs, stack, beganMs };
}

/** Notes how many of the keys of a call some layer had: memory all but `missing`, shared layers so many of those. */
function noteHits(trace: Trace, keys: number, missing: number, shared = 0): void {
  trace.set(ATTRIBUTES.hitCount, keys - missing + shared);
  trace.set(ATTRIBUTES.hit, shared === missing);
}
