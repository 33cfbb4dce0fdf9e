import type { Remote, TailReply, TailRequest } from 'tierwise/driver';

/** A remote whose tails go through `pass`, which may refuse them. */
export function withTails(inner: Remote, pass: (tail: () => Promise<TailReply>) => Promise<TailReply>): Remote {
  return {
    name: inner.name,
    open(context) {
      const session = inner.open(context);
      const partitions = session.partitions.map(({ store, coordinator }) => ({
        store,
        coordinator: { ...coordinator, tail: (request: TailRequest) => pass(() => coordinator.tail(request)) },
      }));
      return { ...session, partitions };
    },
  };
}
