import { type Coordinator, NOTHING, type Remote } from 'tierwise/driver';

/**
 * A remote that keeps its instance in the dark: no message of the bus arrives, and the events that tails
 * bring name nothing. An instance behind it serves stale values for as long as it likes; checks that do not
 * notice are worth nothing.
 */
export function deafened(remote: Remote): Remote {
  return {
    name: remote.name,
    open(context) {
      const session = remote.open(context);
      return {
        partitionOf: (key) => session.partitionOf(key),
        close: () => session.close(),
        partitions: session.partitions.map(({ coordinator, store }) => ({ coordinator: deaf(coordinator), store })),
      };
    },
  };
}

type Listener = Parameters<Coordinator['listen']>[0];

function deaf(coordinator: Coordinator): Coordinator {
  const replaced: Pick<Coordinator, 'listen' | 'tail'> = {
    listen: (listener: Listener) =>
      coordinator.listen({
        onMessage: () => {},
        onDoubt: () => {},
        onConnected: () => listener.onConnected(),
        onDisconnected: () => listener.onDisconnected(),
      }),
    tail: async (request) => {
      const reply = await coordinator.tail(request);
      const events = reply.events.map((event) => ({ ...event, invalidation: NOTHING, fence: undefined }));
      return { ...reply, events };
    },
  };
  return new Proxy(coordinator, {
    get(target, name) {
      const own: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}
