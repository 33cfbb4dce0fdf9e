import type { Clock } from '../clock.ts';
import type { BusMessage, Coordinator, SequencedReply } from '../coherence/coordinator.ts';
import type { Counters, StoreOperation } from '../stats.ts';
import type { GenerationStore } from '../store/generation-store.ts';
import type { RemotePartition } from '../store/remote.ts';
import type { Store } from '../store/store.ts';
import { errorType } from '../telemetry/error-type.ts';
import { ATTRIBUTES, DURATIONS } from '../telemetry/names.ts';
import type { Recorder } from '../telemetry/recorder.ts';
import type { RoundTrips } from '../telemetry/round-trips.ts';
import type { Follower } from './stack-writer.ts';

/** Where the calls of one partition's shared layer are counted. */
export interface WatchOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly recorder: Recorder;
  readonly trips: RoundTrips;
}

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

  remote({ store, coordinator }: RemotePartition): RemotePartition {
    return { store: this.#store(store), coordinator: this.#coordinator(coordinator, store.name) };
  }

  /** A layer without scripts: the events it makes are the coordinator's calls, and timed there. */
  plain(store: GenerationStore): Follower & Pick<Store, 'read'> {
    const { name, limits } = store;
    return {
      name,
      limits,
      read: (keys) => this.#timed('read', name, () => store.read(keys)),
      fill: (writes) => this.#timed('fill', name, () => store.fill(writes)),
      set: (writes, origins) => this.#timed('set', name, () => store.set(writes, origins)),
      follow: (writes, reply) => this.#timed('set', name, () => store.follow(writes, reply)),
    };
  }

  #store(store: Store): Store {
    const { name, limits } = store;
    return {
      name,
      limits,
      read: (keys) => this.#timed('read', name, () => store.read(keys)),
      fill: (writes) => this.#timed('fill', name, () => store.fill(writes)),
      set: (writes, origins) => this.#sequenced('set', name, origins, () => store.set(writes, origins)),
      collect: (pattern, options) => this.#timed('collect', name, () => store.collect(pattern, options)),
    };
  }

  #coordinator(coordinator: Coordinator, name: string): Coordinator {
    return {
      channel: coordinator.channel,
      listen: (listener) => coordinator.listen(listener),
      tail: (request) => this.#timed('tail', name, () => coordinator.tail(request)),
      invalidate: (invalidation, fence, origins) =>
        this.#sequenced('invalidate', name, origins, () => coordinator.invalidate(invalidation, fence, origins)),
      renewBus: () => coordinator.renewBus(),
      renewFence: (id, lifeMs) => coordinator.renewFence(id, lifeMs),
      members: () => coordinator.members(),
      leave: (memberId) => coordinator.leave(memberId),
    };
  }

  #sequenced<R extends SequencedReply>(
    operation: StoreOperation,
    layer: string,
    origins: readonly string[] | undefined,
    call: () => Promise<R>,
  ): Promise<R> {
    const { clock, trips } = this.#options;
    if (origins?.[0] !== undefined) this.#noteOwn(origins[0]);
    const sentAtMs = clock.monotonicMs();
    const answer = this.#timed(operation, layer, call);
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

  #timed<R>(operation: StoreOperation, layer: string, call: () => Promise<R>): Promise<R> {
    const { clock, counters } = this.#options;
    const sentAtMs = clock.monotonicMs();
    const answer = attempt(call);
    answer.then(
      () => {
        const tookMs = clock.monotonicMs() - sentAtMs;
        counters.storeLatency[operation].record(tookMs);
        this.#measure(operation, layer, tookMs, undefined);
      },
      (error: unknown) => {
        counters.remote.failedCalls++;
        this.#measure(operation, layer, clock.monotonicMs() - sentAtMs, error);
      },
    );
    return answer;
  }

  #measure(operation: StoreOperation, layer: string, tookMs: number, error: unknown): void {
    const { recorder } = this.#options;
    if (!recorder.isMeasuring) return;
    recorder.measure(DURATIONS.store, tookMs / 1000, {
      [ATTRIBUTES.layer]: layer,
      [ATTRIBUTES.operation]: operation,
      ...(error !== undefined && { [ATTRIBUTES.errorType]: errorType(error) }),
    });
  }
}

/** A driver that throws where it should reject fails its call, and nothing else. */
function attempt<R>(call: () => Promise<R>): Promise<R> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Sets that all come too late are answered with the number of somebody else's event. */
function isEvent(reply: SequencedReply & { readonly outcomes?: readonly string[] }): boolean {
  return reply.outcomes === undefined || reply.outcomes.some((outcome) => outcome !== 'outdated');
}
