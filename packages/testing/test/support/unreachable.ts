import { inProcess } from 'tierwise';
import {
  CacheError,
  type CoordinatorListener,
  type PlainLayer,
  type Remote,
  type RemoteContext,
} from 'tierwise/driver';
import type { Obstacle } from '../../src/conformance/index.ts';

/** What a layer tells when its server, of which it has reported a fault, answers again. */
export type Telling = (context: Pick<RemoteContext, 'onRecovered'>) => void;

/** The server that faults are reported of. */
export const SERVER = 'h:1';
const gone = (): CacheError => new CacheError('REMOTE_UNAVAILABLE', 'away', { server: SERVER });

/** The in-process remote behind an obstacle. */
export function unreachableRemote(tell: Telling): Obstacle & { readonly remote: Remote } {
  let isAway = true;
  const onRecover: (() => void)[] = [];
  const guarded = <T extends object>(target: T): T =>
    Object.fromEntries(
      Object.entries(target).map(([name, member]) => [
        name,
        typeof member === 'function'
          ? (...args: unknown[]) => (isAway ? Promise.reject(gone()) : member(...args))
          : member,
      ]),
    ) as T;
  const remote: Remote = {
    name: 'unreachable',
    open(context) {
      const session = inProcess().open(context);
      const partitions = session.partitions.map(({ coordinator, store }) => {
        const listen = (listener: CoordinatorListener): void => {
          context.onError(gone());
          queueMicrotask(() => listener.onDisconnected());
          onRecover.push(() => coordinator.listen(listener));
        };
        return { store: guarded(store), coordinator: { ...guarded(coordinator), listen } };
      });
      onRecover.push(() => tell(context));
      return { ...session, partitions };
    },
  };
  return {
    remote,
    recover() {
      isAway = false;
      for (const call of onRecover) call();
    },
    dispose: async () => {},
  };
}

/** A layer without scripts behind an obstacle, which asks it again with each call. */
export function unreachableLayer(tell: Telling): Obstacle & { readonly layer: PlainLayer } {
  let isAway = true;
  const layer: PlainLayer = {
    name: 'unreachable',
    connect(context) {
      let isTold = false;
      const answer = <O>(items: readonly unknown[], outcome: O): (O | CacheError)[] => {
        if (isAway) context.onError(gone());
        else if (!isTold) {
          isTold = true;
          tell(context);
        }
        return items.map(() => (isAway ? gone() : outcome));
      };
      return {
        limits: { maxBatch: 100, maxValueBytes: 1_000, parts: 1 },
        partOf: () => 0,
        read: async (names) => answer(names, undefined),
        write: async (writes) => answer(writes, undefined),
        close: async () => {},
      };
    },
  };
  return {
    layer,
    recover() {
      isAway = false;
    },
    dispose: async () => {},
  };
}
