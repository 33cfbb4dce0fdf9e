import type { Clock } from '../clock.ts';
import type { BusMessage, Coordinator, SequencedReply } from '../coherence/coordinator.ts';
import { promiseOf } from '../promise-of.ts';
import type { Counters, StoreOperation } from '../stats.ts';
import type { GenerationStore } from '../store/generation-store.ts';
import type { RemotePartition } from '../store/remote.ts';
import type { Store } from '../store/store.ts';
import { errorType } from '../telemetry/error-type.ts';
import { attributesOf } from '../telemetry/layers.ts';
import { ATTRIBUTES, DURATIONS } from '../telemetry/names.ts';
import type { Recorder } from '../telemetry/recorder.ts';
import type { RoundTrips } from '../telemetry/round-trips.ts';
import type { LayerFacts } from './layer.ts';
import type { Follower, Writer } from './stack-writer.ts';

/** Where the calls of one partition's shared layer are counted. */
export interface WatchOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly recorder: Recorder;
  readonly trips: RoundTrips;
}

/** A partition of a remote whose calls are timed and counted. */
export interface WatchedRemote extends RemotePartition {
  readonly store: Store & Writer;
}

type Outcomes<R> = (reply: R) => readonly string[];

/** Own messages remembered that carry a trace context and may yet come back. */
const MAX_OWN = 256;

/** Times and counts the calls of a shared layer; changes neither what they answer nor when. */
export class Watch {
  readonly #options: WatchOptions;
  /** First origins of own messages that have not come back. */
  readonly #own = new Set<string>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  remote({ store, coordinator }: RemotePartition, layer: LayerFacts): WatchedRemote {
    return { store: this.#store(store, layer), coordinator: this.#coordinator(coordinator, layer) };
  }

  /** A layer without scripts: the events it makes are the coordinator's calls, and timed there. */
  plain(store: GenerationStore, layer: LayerFacts): Follower & Pick<GenerationStore, 'read'> {
    const { name, limits } = store;
    return {
      name,
      storeName: layer.storeName,
      limits,
      read: (keys) => this.#timed('read', layer, () => store.read(keys)),
      fill: (writes) => this.#timed('fill', layer, () => store.fill(writes), outcomesOf),
      set: (writes, origins) => this.#timed('set', layer, () => store.set(writes, origins), outcomesOf),
      follow: (writes, reply) => this.#timed('set', layer, () => store.follow(writes, reply), listOf),
    };
  }

  #store(store: Store, layer: LayerFacts): WatchedRemote['store'] {
    const { name, limits } = store;
    return {
      name,
      storeName: layer.storeName,
      limits,
      read: (keys) => this.#timed('read', layer, () => store.read(keys)),
      fill: (writes) => this.#timed('fill', layer, () => store.fill(writes), outcomesOf),
      set: (writes, origins) => this.#sequenced('set', layer, origins, () => store.set(writes, origins), outcomesOf),
      collect: (pattern, options) => this.#timed('collect', layer, () => store.collect(pattern, options)),
    };
  }

  #coordinator(coordinator: Coordinator, layer: LayerFacts): Coordinator {
    return {
      channel: coordinator.channel,
      listen: (listener) => coordinator.listen(listener),
      tail: (request) => this.#timed('tail', layer, () => coordinator.tail(request)),
      invalidate: (invalidation, fence, origins) =>
        this.#sequenced('invalidate', layer, origins, () => coordinator.invalidate(invalidation, fence, origins)),
      renewBus: () => coordinator.renewBus(),
      renewFence: (id, lifeMs) => coordinator.renewFence(id, lifeMs),
      members: () => coordinator.members(),
      leave: (memberId) => coordinator.leave(memberId),
    };
  }

  #sequenced<R extends SequencedReply>(
    operation: StoreOperation,
    layer: LayerFacts,
    origins: readonly string[] | undefined,
    call: () => Promise<R>,
    stored?: Outcomes<R>,
  ): Promise<R> {
    const { clock, trips } = this.#options;
    if (origins?.[0] !== undefined) this.#noteOwn(origins[0]);
    const sentAtMs = clock.monotonicMs();
    const answer = this.#timed(operation, layer, call, stored);
    answer.then(
      (reply) => {
        if (isEvent(reply)) this.onRoundTrip(trips.onReply(reply.epoch, reply.seq, sentAtMs));
      },
      () => {},
    );
    return answer;
  }

  #noteOwn(origin: string): void {
    this.#own.add(origin);
    if (this.#own.size <= MAX_OWN) return;
    for (const oldest of this.#own) {
      this.#own.delete(oldest);
      return;
    }
  }

  /** Whether a message is one that this instance has sent; asked once for each. */
  isOwn({ origins }: BusMessage): boolean {
    return origins?.[0] !== undefined && this.#own.delete(origins[0]);
  }

  /** An own event has come back as a message, so long after it was sent. */
  onRoundTrip(tookMs: number | undefined): void {
    if (tookMs === undefined) return;
    const { counters, recorder } = this.#options;
    counters.propagation.record(tookMs);
    recorder.measure(DURATIONS.propagation, tookMs / 1000, {});
  }

  /** `stored` says what became of each entry, where the call stores some. */
  #timed<R>(operation: StoreOperation, layer: LayerFacts, call: () => Promise<R>, stored?: Outcomes<R>): Promise<R> {
    const { clock, counters } = this.#options;
    const sentAtMs = clock.monotonicMs();
    // A driver that throws where it should reject fails its call, and nothing else.
    const answer = promiseOf(call);
    answer.then(
      (reply) => {
        // Before whoever asked is told: no promise of its own.
        for (const outcome of stored?.(reply) ?? []) if (outcome === 'stored') layer.counters.stored++;
        const tookMs = clock.monotonicMs() - sentAtMs;
        counters.storeLatency[operation].record(tookMs);
        this.#measure(operation, layer, tookMs, undefined);
      },
      (error: unknown) => {
        counters.remote.failedCalls++;
        layer.counters.failedCalls++;
        this.#measure(operation, layer, clock.monotonicMs() - sentAtMs, error);
      },
    );
    return answer;
  }

  #measure(operation: StoreOperation, layer: LayerFacts, tookMs: number, error: unknown): void {
    const { recorder } = this.#options;
    if (!recorder.isMeasuring) return;
    recorder.measure(DURATIONS.store, tookMs / 1000, {
      ...attributesOf(layer),
      [ATTRIBUTES.operation]: operation,
      ...(error !== undefined && { [ATTRIBUTES.errorType]: errorType(error) }),
    });
  }
}

/** Sets that all come too late are answered with the number of somebody else's event. */
function isEvent(reply: (SequencedReply & { readonly outcomes?: readonly string[] }) | undefined): boolean {
  if (reply === undefined) return false;
  return reply.outcomes === undefined || outcomesOf(reply).some((outcome) => outcome !== 'outdated');
}

/** A driver's answer may lack them, or be none, which fails its call later on; here nobody could be told. */
function outcomesOf(reply: { readonly outcomes?: readonly string[] } | undefined): readonly string[] {
  return listOf(reply?.outcomes);
}

function listOf(outcomes: readonly string[] | undefined): readonly string[] {
  return Array.isArray(outcomes) ? outcomes : [];
}
