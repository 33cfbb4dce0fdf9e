import type { Health } from '../emitter.ts';
import { Emitter } from '../emitter.ts';
import { withFacts } from '../errors.ts';
import { type MemoryEntry, MemoryLayer } from '../memory/memory-layer.ts';
import { estimateBytes } from '../memory/size.ts';
import type { ResolvedOptions } from '../options.ts';
import { randomEpoch } from '../random.ts';
import { type CacheStats, type Counters, createCounters, type LayerCounters, ratio, readAll } from '../stats.ts';
import { BreakerStore } from '../store/breaker.ts';
import type { RemoteContext, RemoteSession } from '../store/remote.ts';
import { atHome } from '../telemetry/home-context.ts';
import { attachLogger, type LayerLog } from '../telemetry/logger.ts';
import { observe } from '../telemetry/process-wide.ts';
import { Recorder } from '../telemetry/recorder.ts';
import { Arrivals } from './arrivals.ts';
import type { EngineContext } from './context.ts';
import type { Stack } from './layer.ts';
import { Loads } from './loads.ts';
import { Mutations } from './mutations.ts';
import type { ConnectedPlain } from './open-tiers.ts';
import { Partition } from './partition.ts';
import { Reads } from './reads.ts';
import { type PreparedValue, Values } from './values.ts';
import { Writes } from './writes.ts';

/** One cache: puts its parts together, and answers for the whole. All keys below the face are scoped. */
export class Engine {
  readonly options: ResolvedOptions;
  readonly emitter: Emitter;
  readonly recorder: Recorder;
  readonly reads: Reads;
  readonly writes: Writes;
  readonly mutations: Mutations;
  readonly #counters: Counters;
  readonly #memory: MemoryLayer;
  readonly #values: Values;
  readonly #loads: Loads;
  readonly #arrivals: Arrivals;
  readonly #plainStores: ReadonlyMap<string, ConnectedPlain>;
  readonly #session: RemoteSession;
  readonly #partitions: readonly Partition[];
  readonly #originMs: number;
  /** The partition of every key, where there is but one. */
  readonly #single: Partition | undefined;
  readonly #memberId = randomEpoch();
  readonly #unobserve: () => void;
  readonly #log: LayerLog | undefined;
  #closing: Promise<void> | undefined;
  /** The state listeners were told last. */
  #toldState: Health['state'] | undefined;

  constructor(options: ResolvedOptions) {
    const { clock } = options;
    this.options = options;
    this.#counters = createCounters([options.authorityStore, ...options.plainLayers.keys()]);
    this.emitter = new Emitter(() => {
      this.#counters.listenerErrors++;
    });
    this.recorder = new Recorder(options.name, options.telemetry, this.#counters);
    const { logger } = options;
    if (logger !== undefined) {
      this.#log = attachLogger({
        emitter: this.emitter,
        logger,
        clock,
        cacheName: options.name,
        authorityStore: options.authorityStore,
        journaled: () => this.health().journaled,
        onError: () => this.recorder.onError(),
      });
    }
    this.#originMs = clock.wallMs();
    this.#memory = new MemoryLayer(options.memory, this.#counters.memory, estimateBytes);
    // Sockets and timers pass on the context they are made in, for as long as they live.
    this.#plainStores = atHome(() => this.#connect());
    const limits = [...this.#plainStores].map(([name, { store }]) => [name, store.limits.maxValueBytes] as const);
    this.#values = new Values({ ...options, emitter: this.emitter, entryLimits: new Map(limits) });
    const [session, partitions] = atHome(() => this.#open());
    this.#session = session;
    this.#partitions = partitions;
    this.#single = partitions.length === 1 ? partitions[0] : undefined;
    const context: EngineContext = {
      options,
      counters: this.#counters,
      emitter: this.emitter,
      recorder: this.recorder,
      memory: this.#memory,
      values: this.#values,
      originMs: this.#originMs,
      single: this.#single,
      partitionOf: (key) => this.#partitionOf(key),
      isClosed: () => this.isClosed,
    };
    this.#arrivals = new Arrivals(context);
    this.#loads = new Loads(context);
    this.reads = new Reads(context, this.#loads);
    this.writes = new Writes(context, this.#partitions);
    this.#unobserve = observe(
      { name: options.name, stats: () => this.stats(), health: () => this.health() },
      options.telemetry,
      () => this.recorder.onError(),
    );
    this.mutations = new Mutations(context, this.#partitions, this.#memberId);
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Checks, encodes and isolates a value to be set in the layers of a stack. */
  prepare(value: unknown, tags: readonly string[], stack: Stack): PreparedValue {
    const prepared = this.#values.prepare(value);
    this.#values.checkSize(prepared, tags, stack);
    return prepared;
  }

  release(entry: MemoryEntry): unknown {
    return this.#values.release(entry);
  }

  /** Resolves when every partition was proved once, or its connection was found impossible. Never rejects. */
  async ready(): Promise<Health> {
    await Promise.all(this.#partitions.map((partition) => partition.started));
    return this.health();
  }

  /** The worst of all partitions, or closed. */
  health(): Health {
    const nowMs = this.options.clock.wallMs();
    const rank = { coherent: 0, suspect: 1, offline: 2, closed: 3 } as const;
    const worst = this.#partitions
      .map((partition) => partition.health(nowMs))
      .reduce((worst, next) => ({
        state: rank[next.state] > rank[worst.state] ? next.state : worst.state,
        proofAgeMs: Math.max(worst.proofAgeMs, next.proofAgeMs),
        journaled: worst.journaled + next.journaled,
        stalenessBoundMs: Math.max(worst.stalenessBoundMs, next.stalenessBoundMs),
      }));
    return this.isClosed ? { ...worst, state: 'closed' } : worst;
  }

  stats(): CacheStats {
    const { memory, remote, loads, invalidations, listenerErrors, telemetryErrors } = this.#counters;
    const asked = memory.hits + memory.misses;
    return {
      layers: this.#layerStats(),
      memory: {
        ...memory,
        entries: this.#memory.size,
        bytes: this.#memory.bytes,
        hitRatio: ratio(memory.hits, asked),
      },
      remote: {
        name: this.options.remote.name,
        ...remote,
        hitRatio: ratio(remote.hits, remote.hits + remote.misses),
        latency: readAll(this.#counters.storeLatency),
      },
      loads: { ...loads, running: this.#loads.running, latency: this.#counters.loadLatency.read() },
      invalidations: {
        ...invalidations,
        journaled: this.#partitions.reduce((sum, { journal }) => sum + journal.size, 0),
        propagation: this.#counters.propagation.read(),
      },
      listenerErrors,
      telemetryErrors,
      hitRatio: ratio(memory.hits + remote.hits, asked),
    };
  }

  /** Lets what was loaded or written arrive in the shared layer, then ends the connections. Every call gets the same promise. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close();
      this.emitter.emit('closed', this.health());
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#loads.settle(), this.writes.settle()]);
    await Promise.all(this.#partitions.map((partition) => partition.stop()));
    await Promise.all([this.#session.close(), ...[...this.#plainStores.values()].map(({ store }) => store.close())]);
    this.#unobserve();
    this.#memory.forgetAll();
  }

  #layerStats(): CacheStats['layers'] {
    const { remote, authorityStore, plainLayers } = this.options;
    const layers = [[authorityStore, remote] as const, ...plainLayers];
    return Object.fromEntries(
      layers.map(([store, { name }]) => {
        const counters = this.#counters.layers[store] as LayerCounters;
        return [store, { name, ...counters, hitRatio: ratio(counters.hits, counters.hits + counters.misses) }];
      }),
    );
  }

  /** Begins to connect layers without scripts; one connection for all partitions. */
  #connect(): ReadonlyMap<string, ConnectedPlain> {
    const { name: cacheName, clock, plainLayers } = this.options;
    return new Map(
      [...plainLayers].map(([store, layer]) => {
        const counters = this.#counters.layers[store] as LayerCounters;
        const onSkip = (names: number): void => {
          counters.skipped += names;
        };
        const connected = layer.connect({ cacheName, clock, ...this.#reportsOf(store) });
        return [store, { name: layer.name, store: new BreakerStore(connected, { clock, onSkip }) }];
      }),
    );
  }

  /** Counts and tells what a layer reports of its connections. */
  #reportsOf(store: string): Pick<RemoteContext, 'onError' | 'onRecovered'> {
    const layer = this.#counters.layers[store] as LayerCounters;
    return {
      onError: (error) => {
        this.#counters.remote.connectionErrors++;
        layer.connectionErrors++;
        this.emitter.emit('error', withFacts(error, { store }));
      },
      onRecovered: (server) => this.#log?.recovered(store, server),
    };
  }

  /** Begins to connect. */
  #open(): [RemoteSession, readonly Partition[]] {
    const { options } = this;
    const session = options.remote.open({
      cacheName: options.name,
      leaseMs: options.leaseMs,
      logEvents: options.logEvents,
      maxVersions: options.maxVersions,
      clock: options.clock,
      ...this.#reportsOf(options.authorityStore),
    });
    const partitions = session.partitions.map(
      (remote, index) =>
        new Partition({
          ...options,
          index,
          remote,
          plainStores: this.#plainStores,
          member: { id: this.#memberId, leaseMs: options.leaseMs },
          memory: session.partitions.length === 1 ? this.#memory : this.#memoryOf(index),
          counters: this.#counters,
          emitter: this.emitter,
          recorder: this.recorder,
          accept: (read, bytes, timeline, sentAtMs) => this.#arrivals.accept(read, bytes, timeline, sentAtMs),
          onChange: () => this.#tellState(),
        }),
    );
    return [session, partitions];
  }

  /** Tells listeners when the worst of all partitions has become another one. */
  #tellState(): void {
    // Before the first connection was made, or given up, there is nothing to tell.
    if (this.isClosed || !this.#partitions.every(({ isStarted }) => isStarted)) return;
    const health = this.health();
    if (health.state === this.#toldState) return;
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
}
