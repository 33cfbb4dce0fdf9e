// One instance of an application: holds caches and does what its parent asks. See `instance.ts`.
import { type Cache, CacheError, createCache } from 'tierwise';
import { redis } from '../../src/index.ts';
import type { InstanceCalls, InstanceMessage, InstanceRequest, LoadAnswer } from './instance-messages.ts';

type Calls = {
  [M in keyof InstanceCalls]: (
    cacheName: string,
    ...args: Parameters<InstanceCalls[M]>
  ) => ReturnType<InstanceCalls[M]> | Promise<ReturnType<InstanceCalls[M]>>;
};

const caches = new Map<string, Cache>();
const waiting = new Map<number, (value: unknown) => void>();
const seen = new Map<string, Map<unknown, number>>();
let loads = 0;

function send(message: InstanceMessage): void {
  process.send?.(message);
}

function cacheOf(name: string): Cache {
  const cache = caches.get(name);
  if (cache === undefined) throw new Error(`no cache ${name} was opened here`);
  return cache;
}

function load(cacheName: string, key: string): Promise<unknown> {
  const id = ++loads;
  send({ kind: 'load', id, cacheName, key });
  return new Promise((resolve) => waiting.set(id, resolve));
}

function watch(cacheName: string, key: string): void {
  const cache = cacheOf(cacheName);
  const answers = new Map<unknown, number>();
  seen.set(`${cacheName} ${key}`, answers);
  const note = (value: unknown, beganMs: number): void => {
    if (value !== undefined) answers.set(value, Math.max(beganMs, answers.get(value) ?? 0));
  };
  const peek = (): void => {
    note(cache.peek(key), Date.now());
    setTimeout(peek, 1);
  };
  const read = async (): Promise<never> => {
    for (;;) {
      const beganMs = Date.now();
      note(await cache.getOrSet(key, () => load(cacheName, key)), beganMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  peek();
  read().catch(() => {});
}

const calls: Calls = {
  open: async (name, url, leaseMs, commandTimeoutMs) => {
    const remote = redis({ url, commandTimeout: commandTimeoutMs });
    const cache = createCache({
      name,
      ttl: '5m',
      memory: { maxEntries: 1_000 },
      remote,
      coherence: { lease: leaseMs },
    });
    caches.set(name, cache);
    return (await cache.ready()).state;
  },
  get: (name, key) => cacheOf(name).get(key),
  peek: (name, key) => cacheOf(name).peek(key),
  getOrSet: (name, key, tags) => cacheOf(name).getOrSet(key, () => load(name, key), { tags }),
  set: (name, key, value, tags, version) =>
    cacheOf(name).set(key, value, { tags, ...(version !== undefined && { version }) }),
  delete: (name, key) => cacheOf(name).delete(key),
  invalidateTags: (name, tags) => cacheOf(name).invalidateTags(tags),
  clear: (name) => cacheOf(name).clear(),
  health: (name) => {
    const { state, journaled } = cacheOf(name).health();
    return { state, journaled };
  },
  stats: (name) => {
    const { loads, invalidations, remote } = cacheOf(name).stats();
    const { started, unkept, running } = loads;
    return { loads: started, unkept, running, resyncs: invalidations.resyncs, remoteHits: remote.hits };
  },
  watch: (name, key) => {
    watch(name, key);
    return undefined;
  },
  watched: (name, key) => seen.get(`${name} ${key}`) ?? new Map(),
  mutate: (name, target, options) => cacheOf(name).mutate(target, () => load(name, 'write'), options),
  close: async (name) => {
    await cacheOf(name).close();
    return undefined;
  },
};

async function answer({ id, cacheName, method, args }: InstanceRequest): Promise<void> {
  try {
    const call = calls[method] as (...all: unknown[]) => unknown;
    send({ kind: 'reply', id, value: await call(cacheName, ...args) });
  } catch (error) {
    const code = CacheError.is(error) ? error.code : '';
    send({ kind: 'refusal', id, code, message: error instanceof Error ? error.message : String(error) });
  }
}

process.on('message', (message: InstanceRequest | LoadAnswer) => {
  if ('loadId' in message) {
    waiting.get(message.loadId)?.(message.value);
    waiting.delete(message.loadId);
  } else {
    void answer(message);
  }
});
process.on('disconnect', () => process.exit());
send({ kind: 'ready' });
