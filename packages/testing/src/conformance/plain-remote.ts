import {
  type Coordinator,
  type CoordinatorListener,
  GenerationStore,
  type PlainLayer,
  type PlainStore,
  type Remote,
  type RemoteContext,
  type RemotePartition,
  randomEpoch,
  type Store,
  View,
} from 'tierwise/driver';

/** Tails that one call may take to bring its view up to date. */
const MAX_TAILS = 8;
const NO_MEMORY = { forget: (): void => {}, forgetAll: (): void => {} };

/**
 * The coordinator of one remote over the store of a layer without scripts: what the engine makes of both, as a remote
 * that a suite can be run on. Before every call of the store its view is brought up to date.
 */
export function plainRemote(authority: Remote, layer: PlainLayer): Remote {
  return {
    name: layer.name,
    open(context) {
      const session = authority.open(context);
      const plain = layer.connect(context);
      return {
        partitions: session.partitions.map((partition) => combine(partition, plain, layer.name, context)),
        partitionOf: (key) => session.partitionOf(key),
        async close() {
          await Promise.all([session.close(), plain.close()]);
        },
      };
    },
  };
}

function combine(
  { coordinator }: RemotePartition,
  plain: PlainStore,
  name: string,
  context: RemoteContext,
): RemotePartition {
  const { clock, leaseMs, maxVersions, onError } = context;
  const view = new View({ clock, leaseMs, maxVersions, memory: NO_MEMORY, hasBuckets: true });
  const member = { id: randomEpoch(), leaseMs };
  const catchUp = async (): Promise<void> => {
    for (let tails = 0; tails < MAX_TAILS; tails++) {
      const sentAtMs = clock.wallMs();
      view.onTailSent();
      const reply = await coordinator.tail({ member, epoch: view.epoch, applied: view.applied, withSlots: true });
      if (view.applyTail(reply, sentAtMs, clock.wallMs()) === 'proved') return;
    }
  };
  const reach = async (seq: number): Promise<boolean> => {
    await catchUp();
    return view.applied >= seq;
  };
  const store = new GenerationStore({
    name,
    plain,
    coordinator,
    view,
    clock,
    reach,
    onFault: onError,
    onOversize: () => {},
  });
  return { coordinator: overheard(coordinator, view), store: upToDate(store, catchUp) };
}

/** A coordinator whose messages a view hears before its listener does. */
function overheard(coordinator: Coordinator, view: View): Coordinator {
  const listen = (listener: CoordinatorListener): void =>
    coordinator.listen({
      onMessage(event) {
        view.receive(event);
        listener.onMessage(event);
      },
      onDoubt: () => listener.onDoubt(),
      onConnected: () => listener.onConnected(),
      onDisconnected: () => listener.onDisconnected(),
    });
  return new Proxy(coordinator, {
    get(target, name) {
      if (name === 'listen') return listen;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

function upToDate(store: Store, catchUp: () => Promise<void>): Store {
  return {
    name: store.name,
    limits: store.limits,
    read: (keys) => catchUp().then(() => store.read(keys)),
    fill: (writes) => catchUp().then(() => store.fill(writes)),
    set: (writes) => catchUp().then(() => store.set(writes)),
    collect: (pattern, options) => store.collect(pattern, options),
  };
}
