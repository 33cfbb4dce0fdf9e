import { checkObject, wholeNumber } from '../checks.ts';
import type { Clock } from '../clock.ts';
import type { Coordinator } from '../coherence/coordinator.ts';
import { randomEpoch } from '../random.ts';
import type { Remote, RemoteContext, RemoteSession } from '../store/remote.ts';
import type { Store } from '../store/store.ts';
import { Authority } from './authority.ts';

export interface InProcessOptions {
  /** Bytes of encoded entries held for each cache name, least recently used dropped first. Default 67,108,864. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const MAX_BATCH = 10_000;

/**
 * A shared layer inside the process: the default when `remote` is left out. Caches of one name that are given the same
 * one are instances of one cache, with the same rules and the same coherence as over Redis.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function inProcess(options: InProcessOptions = {}): Remote {
  checkObject(options, 'inProcess', ['maxBytes']);
  const maxBytes = wholeNumber(options.maxBytes, DEFAULT_MAX_BYTES, 'inProcess.maxBytes', [1024, 2 ** 40]);
  const authorities = new Map<string, Authority>();
  return {
    name: 'in-process',
    open(context) {
      let authority = authorities.get(context.cacheName);
      if (authority === undefined) {
        const { logEvents, maxVersions } = context;
        authority = new Authority({ randomEpoch, logEvents, maxVersions, maxBytes });
        authorities.set(context.cacheName, authority);
      }
      return openSession(authority, context);
    },
  };
}

function openSession(authority: Authority, context: RemoteContext): RemoteSession {
  const { clock } = context;
  let unsubscribe = (): void => {};
  const coordinator: Coordinator = {
    channel: context.cacheName,
    listen(listener) {
      unsubscribe = authority.subscribe((message) => queueMicrotask(() => listener.onMessage(message)));
      queueMicrotask(() => listener.onConnected());
    },
    tail: async (request) => authority.tail(request, clock.wallMs()),
    invalidate: async (invalidation, fence, origins) =>
      authority.invalidate(invalidation, fence, clock.wallMs(), origins),
    renewBus() {},
    renewFence: async (id, lifeMs) => authority.renewFence(id, lifeMs, clock.wallMs()),
    members: async () => authority.members(clock.wallMs()),
    leave: async (memberId) => authority.leave(memberId),
  };
  return {
    partitions: [{ coordinator, store: storeOf(authority, clock) }],
    partitionOf: () => 0,
    close: async () => unsubscribe(),
  };
}

function storeOf(authority: Authority, clock: Clock): Store {
  return {
    name: 'in-process',
    limits: { maxBatch: MAX_BATCH, hasScripts: true },
    read: async (keys) => ({ timeline: authority.timeline, values: authority.read(keys, clock.wallMs()) }),
    fill: async (writes) => authority.fill(writes, clock.wallMs()),
    set: async (writes, origins) => authority.set(writes, clock.wallMs(), origins),
    collect: async (pattern, { signal, onProgress }) => {
      signal?.throwIfAborted();
      const progress = authority.collect(pattern);
      onProgress(progress);
      return progress.dropped;
    },
  };
}
