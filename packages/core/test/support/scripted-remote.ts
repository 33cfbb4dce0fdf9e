import type { Clock } from '../../src/clock.ts';
import type {
  Coordinator,
  CoordinatorListener,
  FenceChange,
  Invalidation,
  SequencedEvent,
  TailReply,
  TailRequest,
} from '../../src/coherence/coordinator.ts';
import { Partition } from '../../src/engine/partition.ts';
import { Authority } from '../../src/in-process/authority.ts';
import { randomEpoch } from '../../src/random.ts';
import type { Remote, RemoteContext, RemoteSession } from '../../src/store/remote.ts';
import type { Store, StoreWrite } from '../../src/store/store.ts';
import { Gate } from './gate.ts';

/** The shared side: one real authority, for as many instances as a test wants. */
export class Hub {
  readonly authority: Authority;

  constructor(limits: { logEvents?: number; maxVersions?: number } = {}) {
    const { logEvents = 10_000, maxVersions = 8_192 } = limits;
    this.authority = new Authority({ randomEpoch, logEvents, maxVersions, maxBytes: 2 ** 26 });
  }

  /** What is stored under a scoped key, however old. */
  stored(key: string): Uint8Array | undefined {
    return this.authority.read([key], 0)[0];
  }
}

export interface ScriptedOptions {
  readonly maxBatch?: number;
  /** Events in one reply of a tail. */
  readonly pageEvents?: number;
  /** Does not connect until `connect()`. */
  readonly isAway?: boolean;
  /** Whether nothing is told of a connection until `connect()`. */
  readonly isConnecting?: boolean;
}

/** The way of one instance to the hub, with every fault a test asks for. */
export class ScriptedRemote implements Remote {
  readonly name = 'scripted';
  readonly tail = new Gate();
  readonly read = new Gate();
  readonly fill = new Gate();
  readonly set = new Gate();
  readonly invalidate = new Gate();
  readonly renewFence = new Gate();
  readonly members = new Gate();
  readonly leave = new Gate();
  readonly collect = new Gate();
  /** What the calls were about, in the order they were made. */
  readonly log: { readonly call: 'read' | 'fill' | 'set' | 'invalidate'; readonly keys: readonly string[] }[] = [];
  readonly invalidations: Invalidation[] = [];
  /** Changes of fences that calls asked for, in their order. */
  readonly fenceChanges: FenceChange[] = [];
  /** Times the engine asked for another subscription; each ends the cut of the bus. */
  busRenewals = 0;
  /** Messages of the bus that were held back, oldest first. */
  bus: SequencedEvent[] = [];
  isBusHeld = false;
  isBusCut = false;
  /** Replaces the timeline that reads are answered with. */
  readTimeline: string | undefined;
  /** Changes what a tail answers. */
  alterTail: (reply: TailReply) => TailReply = (reply) => reply;
  /** Runs inside every read and tail, as the driver itself would. */
  onCall: (call: 'read' | 'tail') => void = () => {};
  isClosed = false;
  readonly #hub: Hub;
  readonly #options: ScriptedOptions;
  #listener: CoordinatorListener | undefined;
  #isAway: boolean;

  constructor(hub: Hub, options: ScriptedOptions = {}) {
    this.#hub = hub;
    this.#options = options;
    this.#isAway = options.isAway ?? false;
    if (this.#isAway) this.#failAll();
  }

  /** The engine's partition, which listens to this remote. */
  get partition(): Partition {
    if (!(this.#listener instanceof Partition)) throw new Error('nobody listens');
    return this.#listener;
  }

  get listener(): CoordinatorListener {
    return this.partition;
  }

  open(context: RemoteContext): RemoteSession {
    let unsubscribe = (): void => {};
    const { authority } = this.#hub;
    const coordinator: Coordinator = {
      channel: 'test',
      listen: (listener) => {
        this.#listener = listener;
        unsubscribe = authority.subscribe((event) => this.#onEvent(event));
        if (this.#options.isConnecting === true) return;
        queueMicrotask(() => (this.#isAway ? listener.onDisconnected() : listener.onConnected()));
      },
      tail: (request) => {
        this.onCall('tail');
        return this.tail.run(() => this.alterTail(this.#page(request, context.clock)));
      },
      invalidate: (invalidation, fence, origins) => {
        this.log.push({ call: 'invalidate', keys: invalidation.keys });
        this.invalidations.push(invalidation);
        if (fence !== undefined) this.fenceChanges.push(fence);
        return this.invalidate.run(() => authority.invalidate(invalidation, fence, context.clock.wallMs(), origins));
      },
      renewBus: () => {
        this.busRenewals++;
        this.isBusCut = false;
      },
      renewFence: (id, lifeMs) => this.renewFence.run(() => authority.renewFence(id, lifeMs, context.clock.wallMs())),
      members: () => this.members.run(() => authority.members(context.clock.wallMs())),
      leave: (memberId) => this.leave.run(() => authority.leave(memberId)),
    };
    return {
      partitions: [{ coordinator, store: this.#store(context.clock) }],
      partitionOf: () => 0,
      close: async () => {
        this.isClosed = true;
        unsubscribe();
      },
    };
  }

  /** Delivers the messages held back, in the order given, and those to come at once. */
  deliver(order: (held: SequencedEvent[]) => SequencedEvent[] = (held) => held): void {
    const held = this.bus;
    this.bus = [];
    this.isBusHeld = false;
    for (const event of order(held)) this.listener.onMessage(event);
  }

  /** Everything fails, and the engine is told. */
  disconnect(): void {
    this.#isAway = true;
    this.isBusCut = true;
    this.#failAll();
    this.listener.onDisconnected();
  }

  connect(): void {
    this.#isAway = false;
    this.isBusCut = false;
    for (const gate of this.#gates()) gate.pass();
    this.listener.onConnected();
  }

  #gates(): Gate[] {
    return [this.tail, this.read, this.fill, this.set, this.invalidate, this.renewFence, this.members, this.collect];
  }

  #failAll(): void {
    for (const gate of this.#gates()) gate.fail();
  }

  #onEvent(event: SequencedEvent): void {
    if (this.isBusCut) return;
    if (this.isBusHeld) this.bus.push(event);
    else queueMicrotask(() => this.#listener?.onMessage(event));
  }

  #page(request: TailRequest, clock: Clock): TailReply {
    const reply = this.#hub.authority.tail(request, clock.wallMs());
    return { ...reply, events: reply.events.slice(0, this.#options.pageEvents) };
  }

  #store(clock: Clock): Store {
    const { authority } = this.#hub;
    const note = (call: 'fill' | 'set', writes: readonly StoreWrite[]): void => {
      this.log.push({ call, keys: writes.map((write) => write.key) });
    };
    return {
      name: this.name,
      limits: { maxBatch: this.#options.maxBatch ?? 1_000, hasScripts: true },
      read: (keys) => {
        this.onCall('read');
        this.log.push({ call: 'read', keys });
        return this.read.run(() => ({
          timeline: this.readTimeline ?? authority.timeline,
          values: authority.read(keys, clock.wallMs()),
        }));
      },
      fill: (writes) => {
        note('fill', writes);
        return this.fill.run(() => authority.fill(writes, clock.wallMs()));
      },
      set: (writes, origins) => {
        note('set', writes);
        return this.set.run(() => authority.set(writes, clock.wallMs(), origins));
      },
      collect: (pattern, { signal, onProgress }) =>
        this.collect.run(() => {
          signal?.throwIfAborted();
          const progress = authority.collect(pattern);
          onProgress(progress);
          return progress.dropped;
        }),
    };
  }
}
