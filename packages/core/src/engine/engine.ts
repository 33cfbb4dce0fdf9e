import type { Clock } from '../clock.ts';
import type { Health } from '../emitter.ts';
import { Emitter } from '../emitter.ts';
import { checkWellFormed } from '../keys.ts';
import { MemoryEntry, MemoryLayer, NEVER_MS } from '../memory/memory-layer.ts';
import { estimateBytes } from '../memory/size.ts';
import type { ResolvedOptions } from '../options.ts';
import { randomEpoch } from '../random.ts';
import { type CacheStats, type Counters, createCounters, ratio } from '../stats.ts';
import type { RemoteSession } from '../store/remote.ts';
import { decodeEnvelope, type Envelope } from '../wire/envelope.ts';
import { asOfWallMs, type EngineContext, memoryExpiry } from './context.ts';
import { waitFor } from './flight.ts';
import type { Found } from './found.ts';
import { type LoadCall, Loads } from './loads.ts';
import { Mutations } from './mutations.ts';
import { Partition } from './partition.ts';
import type { RemoteRead } from './remote-reads.ts';
import { type PreparedValue, Values } from './values.ts';
import { Writes } from './writes.ts';

/** How one read is made; validated. */
export interface ReadSpec {
  readonly signal: AbortSignal | undefined;
  /** Cap on the lifetime in memory of what the shared layer answers; `undefined` for none. */
  readonly memoryTtlMs: number | undefined;
}

/** An entry as `entry()` shows it, value not yet released. */
export interface FoundEntry extends Found {
  readonly ageMs: number;
  /** `undefined` for ever. */
  readonly expiresInMs: number | undefined;
}

/**
 * The read ladder of one cache: own journal, memory by proof or youth, the shared layer only with proof, the loader.
 * The only place where the layers meet. All keys are scoped.
 */
export class Engine {
  readonly options: ResolvedOptions;
  readonly emitter: Emitter;
  readonly writes: Writes;
  readonly mutations: Mutations;
  readonly #context: EngineContext;
  readonly #counters: Counters;
  readonly #memory: MemoryLayer;
  readonly #values: Values;
  readonly #loads: Loads;
  readonly #session: RemoteSession;
  readonly #partitions: readonly Partition[];
  readonly #originMs: number;
  readonly #clock: Clock;
  /** The partition of every key, where there is but one. */
  readonly #single: Partition | undefined;
  readonly #memberId = randomEpoch();
  #closing: Promise<void> | undefined;
  /** The state listeners were told last. */
  #toldState: Health['state'] | undefined;

  constructor(options: ResolvedOptions) {
    const { clock } = options;
    this.options = options;
    this.#clock = clock;
    this.#counters = createCounters();
    this.emitter = new Emitter(() => {
      this.#counters.listenerErrors++;
    });
    this.#originMs = clock.wallMs();
    this.#memory = new MemoryLayer(options.memory, this.#counters.memory, estimateBytes);
    this.#values = new Values({ ...options, emitter: this.emitter });
    this.#session = options.remote.open({
      cacheName: options.name,
      leaseMs: options.leaseMs,
      logEvents: options.logEvents,
      maxVersions: options.maxVersions,
      clock,
      onError: (error) => this.emitter.emit('error', error),
    });
    this.#partitions = this.#openPartitions();
    this.#single = this.#partitions.length === 1 ? this.#partitions[0] : undefined;
    this.#context = {
      options,
      counters: this.#counters,
      emitter: this.emitter,
      memory: this.#memory,
      values: this.#values,
      originMs: this.#originMs,
      partitionOf: (key) => this.#partitionOf(key),
      isClosed: () => this.isClosed,
    };
    this.#loads = new Loads(this.#context);
    this.writes = new Writes(this.#context, this.#partitions);
    this.mutations = new Mutations(this.#context, this.#partitions, this.#memberId);
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** The value in memory, by the same rule of freshness as every other read. Synchronous. */
  peek(key: string): unknown {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs) ?? this.#loads.settled(this.#partitionOf(key), key, nowMs);
    if (entry === undefined) {
      this.#counters.memory.misses++;
      return undefined;
    }
    this.#counters.memory.hits++;
    return this.#values.release(entry);
  }

  /** The value of `key`; `undefined` when no layer has it. */
  get(key: string, read: ReadSpec): Promise<unknown> {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs);
    if (entry === undefined) return this.#getSlowly(key, nowMs, read);
    this.#counters.memory.hits++;
    return this.#values.released(entry);
  }

  /** The values of several keys, in their order; what memory does not have is one read of the shared layer. */
  getMany(keys: readonly string[], read: ReadSpec): Promise<unknown[]> {
    const nowMs = this.options.clock.wallMs();
    return Promise.all(
      keys.map((key) => {
        const entry = this.#fresh(key, nowMs);
        if (entry === undefined) return this.#getSlowly(key, nowMs, read);
        this.#counters.memory.hits++;
        return this.#values.release(entry);
      }),
    );
  }

  /** A found entry with its dates. */
  async entry(key: string, read: ReadSpec): Promise<FoundEntry | undefined> {
    const found = await this.#find(key, read);
    if (found === undefined) return undefined;
    const nowMs = this.options.clock.wallMs();
    const { expiresMs } = found.entry;
    return {
      ...found,
      ageMs: Math.max(0, nowMs - asOfWallMs(this.#context, found.entry)),
      expiresInMs: expiresMs === NEVER_MS ? undefined : Math.max(0, expiresMs + this.#originMs - nowMs),
    };
  }

  /** The value of `key`, loaded when no layer has it. */
  getOrSet<L, O>(key: string, call: LoadCall<L, O>, loader: L, options: O): Promise<unknown> {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs);
    if (entry === undefined) return this.#loadSlowly(key, nowMs, call, loader, options);
    this.#counters.memory.hits++;
    return this.#values.released(entry);
  }

  /** Checks, encodes and isolates a value to be set. */
  prepare(value: unknown): PreparedValue {
    return this.#values.prepare(value);
  }

  release(entry: MemoryEntry): unknown {
    return this.#values.release(entry);
  }

  /** Resolves when every partition was proved once, or its connection was found impossible. Never rejects. */
  async ready(): Promise<Health> {
    await Promise.all(this.#partitions.map((partition) => partition.started));
    return this.health();
  }

  /** The worst of all partitions. */
  health(): Health {
    const nowMs = this.options.clock.wallMs();
    const rank = { coherent: 0, suspect: 1, offline: 2 } as const;
    return this.#partitions
      .map((partition) => partition.health(nowMs))
      .reduce((worst, next) => ({
        state: rank[next.state] > rank[worst.state] ? next.state : worst.state,
        proofAgeMs: Math.max(worst.proofAgeMs, next.proofAgeMs),
        journaled: worst.journaled + next.journaled,
      }));
  }

  stats(): CacheStats {
    const { memory, remote, loads, invalidations, listenerErrors } = this.#counters;
    const asked = memory.hits + memory.misses;
    return {
      memory: {
        ...memory,
        entries: this.#memory.size,
        bytes: this.#memory.bytes,
        hitRatio: ratio(memory.hits, asked),
      },
      remote: { name: this.options.remote.name, ...remote, hitRatio: ratio(remote.hits, remote.hits + remote.misses) },
      loads: { ...loads, running: this.#loads.running },
      invalidations: {
        ...invalidations,
        journaled: this.#partitions.reduce((sum, { journal }) => sum + journal.size, 0),
      },
      listenerErrors,
      hitRatio: ratio(memory.hits + remote.hits, asked),
    };
  }

  /** Lets what was loaded or written arrive in the shared layer, then ends the connections. Every call gets the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#loads.settle(), this.writes.settle()]);
    for (const partition of this.#partitions) partition.stop();
    await this.#session.close();
    this.#memory.forgetAll();
  }

  #openPartitions(): readonly Partition[] {
    const { options } = this;
    const { partitions } = this.#session;
    return partitions.map(
      (remote, index) =>
        new Partition({
          ...options,
          index,
          remote,
          member: { id: this.#memberId, leaseMs: options.leaseMs },
          memory: partitions.length === 1 ? this.#memory : this.#memoryOf(index),
          counters: this.#counters,
          emitter: this.emitter,
          accept: (read, bytes, timeline, sentAtMs) => this.#accept(read, bytes, timeline, sentAtMs),
          onChange: () => this.#tellState(),
        }),
    );
  }

  /** Tells listeners when the worst of all partitions has become another one. */
  #tellState(): void {
    const health = this.health();
    if (health.state === this.#toldState || this.isClosed) return;
    this.#toldState = health.state;
    this.emitter.emit(health.state, health);
  }

  /** The part of the memory that belongs to one of several partitions. */
  #memoryOf(index: number): Pick<MemoryLayer, 'forget' | 'forgetAll'> {
    return {
      forget: (key, seq) => this.#memory.forget(key, seq),
      forgetAll: () => this.#memory.forgetWhere((key) => this.#session.partitionOf(key) === index),
    };
  }

  #partitionOf(key: string): Partition {
    // The index comes from the session and is within its own partitions.
    return this.#single ?? (this.#partitions[this.#session.partitionOf(key)] as Partition);
  }

  /**
   * The entry in memory if it may be served now: not expired, proved or young, and valid. The hot path reads the clock
   * once; validity is one comparison unless something was invalidated since the entry was last looked at.
   */
  #fresh(key: string, nowMs: number): MemoryEntry | undefined {
    const entry = this.#memory.get(key);
    if (entry === undefined) return undefined;
    const sinceOriginMs = nowMs - this.#originMs;
    if (sinceOriginMs >= entry.expiresMs && entry.expiresMs !== NEVER_MS) {
      this.#memory.expire(key);
      return undefined;
    }
    const partition = this.#partitionOf(key);
    const { view } = partition;
    if (!view.proof.covers(nowMs) && !view.proof.isYoung(entry.asOfMs + this.#originMs, nowMs)) {
      this.#counters.memory.unproved++;
      return undefined;
    }
    if (entry.checkedGeneration === view.generation) return entry;
    if (partition.isServable(key, entry.tags, entry.lease)) {
      entry.checkedGeneration = view.generation;
      return entry;
    }
    this.#memory.invalidate(key);
    return undefined;
  }

  async #find(key: string, read: ReadSpec): Promise<Found | undefined> {
    const nowMs = this.#clock.wallMs();
    const entry = this.#fresh(key, nowMs);
    if (entry !== undefined) {
      this.#counters.memory.hits++;
      return { entry, layer: 'memory' };
    }
    this.#counters.memory.misses++;
    checkWellFormed(key);
    return waitFor(this.#readRemote(key, nowMs, read.memoryTtlMs), read.signal);
  }

  async #getSlowly(key: string, beganMs: number, read: ReadSpec): Promise<unknown> {
    const loaded = this.#loads.settled(this.#partitionOf(key), key, beganMs);
    if (loaded !== undefined) {
      this.#counters.memory.hits++;
      return this.#values.release(loaded);
    }
    this.#counters.memory.misses++;
    checkWellFormed(key);
    const found = await waitFor(this.#readRemote(key, beganMs, read.memoryTtlMs), read.signal);
    return found === undefined ? undefined : this.#values.release(found.entry);
  }

  async #loadSlowly<L, O>(key: string, beganMs: number, call: LoadCall<L, O>, loader: L, options: O): Promise<unknown> {
    this.#counters.memory.misses++;
    checkWellFormed(key);
    const spec = call.resolve(loader, options);
    const partition = this.#partitionOf(key);
    if (this.#loads.joinable(partition, key, beganMs) === undefined) {
      const found = await waitFor(this.#readRemote(key, beganMs, spec.lifetime.memoryTtlMs), spec.signal);
      if (found !== undefined) return this.#values.release(found.entry);
    }
    return this.#loads.load(partition, key, beganMs, spec);
  }

  /** The entry in the shared layer, if it counts for a read that began at `beganMs`. */
  async #readRemote(key: string, beganMs: number, memoryTtlMs: number | undefined): Promise<Found | undefined> {
    const partition = this.#partitionOf(key);
    if (!partition.isStarted) await partition.started;
    if (partition.journal.covers(key, [])) return undefined;
    const found = await partition.reads.read(key, memoryTtlMs).answer;
    // Whoever joined a read late may need a later proof than the one it was judged by.
    if (found === undefined || !partition.view.proof.covers(beganMs, this.options.clock.wallMs())) return undefined;
    return found;
  }

  /** Judges what the shared layer answered for one key; keeps it in memory where it counts. Never throws. */
  #accept(read: RemoteRead, bytes: Uint8Array | undefined, timeline: string, sentAtMs: number): Found | undefined {
    const { remote } = this.#counters;
    const entry = bytes === undefined ? undefined : this.#judge(read, bytes, timeline, sentAtMs);
    if (entry === undefined) {
      remote.misses++;
      return undefined;
    }
    remote.hits++;
    const { activity } = this.#partitionOf(read.key).view;
    activity.remove(read);
    // What loads in progress began with may be older than what is answered from here on, also where the leases are equal.
    activity.mark(read.key, entry.keySeq + 1);
    this.#memory.put(read.key, entry);
    return { entry, layer: this.options.remote.name };
  }

  #judge(read: RemoteRead, bytes: Uint8Array, timeline: string, sentAtMs: number): MemoryEntry | undefined {
    const { remote } = this.#counters;
    const { clock } = this.options;
    const partition = this.#partitionOf(read.key);
    const { view } = partition;
    const envelope = decodeEnvelope(bytes);
    if (typeof envelope === 'string') {
      remote.unreadable++;
      return undefined;
    }
    if (!partition.confirmEpoch(envelope.epoch)) {
      remote.invalid++;
      return undefined;
    }
    const keySeq = Math.max(envelope.lease, envelope.seq);
    view.meet(envelope.epoch, keySeq);
    if (view.proof.timeline !== timeline || !view.proof.covers(sentAtMs, clock.wallMs())) {
      remote.unproved++;
      return undefined;
    }
    if (read.heardSeq > keySeq || !partition.isServable(read.key, envelope.tags, envelope.lease)) {
      remote.invalid++;
      return undefined;
    }
    const remainingMs =
      envelope.expiresAtMs === 0 ? undefined : envelope.expiresAtMs - view.authorityMs(clock.wallMs());
    if (remainingMs !== undefined && remainingMs <= 0) {
      remote.expired++;
      return undefined;
    }
    return this.#decode(envelope, {
      keySeq,
      asOfMs: Math.min(sentAtMs, view.proof.sentAtMs) - this.#originMs,
      expiresMs: memoryExpiry(this.#context, clock.wallMs(), remainingMs, read.memoryTtlMs),
      checkedGeneration: view.generation,
    });
  }

  #decode(
    envelope: Envelope,
    dates: Pick<MemoryEntry, 'keySeq' | 'asOfMs' | 'expiresMs' | 'checkedGeneration'>,
  ): MemoryEntry | undefined {
    try {
      if (envelope.codecId !== this.options.codec.id) throw new Error('written with another codec');
      const { tags, lease } = envelope;
      return new MemoryEntry({ ...this.#values.read(envelope.payload), ...dates, lease, tags });
    } catch {
      this.#counters.remote.unreadable++;
      return undefined;
    }
  }
}
