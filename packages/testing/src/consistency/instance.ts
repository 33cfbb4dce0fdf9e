/** One instance of a consistency run: a process with a cache of its own, driven over its IPC channel. */
import { memcached } from '@tierwise/memcached';
import { redis } from '@tierwise/redis';
import { createCache } from 'tierwise';
import { monotonicMs, nextTurn, sleep } from '../clock.ts';
import { SeededRandom } from '../random.ts';
import { Channel } from './channel.ts';
import type { InstanceCalls, InstanceConfig, RunCalls } from './contract.ts';
import { deafened } from './deaf-remote.ts';
import { InstanceReads } from './instance-reads.ts';
import { InstanceWrites } from './instance-writes.ts';
import { Pacer } from './pacer.ts';
import { Recorder } from './recorder.ts';

/** A watcher looks on every turn of the event loop for so long, then once a millisecond. */
const CLOSE_WATCH_MS = 20;
const MAX_SEEN_ERRORS = 3;
const START_POLL_MS = 20;
const MAX_START_POLLS = 250;

// The run decides when an instance ends, also when Ctrl-C reaches the whole process group.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));

const config = JSON.parse(process.argv[2] ?? '{}') as InstanceConfig;
const random = new SeededRandom(config.seed);
const source = redis({ ...config.remote, commandTimeout: config.commandTimeoutMs });
const authority = config.sabotage === 'deaf' ? deafened(source) : source;
const cache = createCache({
  name: config.cacheName,
  ttl: '10m',
  memory: { maxEntries: config.maxEntries },
  ...(config.memcachedServers === undefined
    ? { remote: authority }
    : {
        stores: {
          redis: authority,
          simple: memcached({ servers: config.memcachedServers, commandTimeout: config.commandTimeoutMs }),
        },
        store: config.sabotage === 'unused' ? 'redis' : 'simple',
      }),
  coherence: { lease: config.leaseMs },
});

const handlers: InstanceCalls = {
  rest() {
    readPacer.stop();
    writePacer.stop();
  },
  // Fails until both pacers are there, that is, until the load has begun.
  health() {
    const { state, journaled } = cache.health();
    return { state, journaled, open: readPacer.open + writePacer.open };
  },
  deliver: (orphans) => writes.deliver(orphans),
  async readAll() {
    await Promise.all(Array.from({ length: config.keys }, (_, index) => reads.getOrSet(index, 'final getOrSet')));
  },
  flush: () => recorder.flush(),
  async warm(key) {
    await cache.getOrSet(key, () => ({ probe: true }));
  },
  watch: ({ key, timeoutMs }) => watch(key, timeoutMs),
  async drop(key) {
    const beganMs = monotonicMs();
    const { delivered } = await cache.delete(key);
    return delivered ? { beganMs, deliveredMs: monotonicMs() } : undefined;
  },
};

const channel = new Channel<InstanceCalls, RunCalls>(process, handlers);
const layerName = config.memcachedServers === undefined ? 'remote' : 'simple';
const recorder = new Recorder(
  (report) => channel.tell('report', report),
  () => {
    const { hits = 0, stored = 0 } = cache.stats().layers[layerName] ?? {};
    return { sharedHits: hits, sharedStored: stored };
  },
);
const load = (key: string): Promise<number> => channel.call('load', key);
const reads = new InstanceReads({ cache, config, random: random.fork(), recorder, load });
const writes = new InstanceWrites({
  cache,
  config,
  random: random.fork(),
  recorder,
  commit: (request) => channel.call('commit', request),
  unlock: (keys) => channel.tell('unlock', keys),
});

let errors = 0;
cache.on('error', (error) => {
  if (process.env.TIERWISE_CONSISTENCY_DEBUG !== undefined && errors++ < MAX_SEEN_ERRORS)
    recorder.complain(String(error));
});
await cache.ready();
// Ready may mean that Redis could not be reached. Guarded writes wait for registered instances only, and an instance is
// registered by its first tail: load begins after it.
for (let i = 0; cache.health().state !== 'coherent' && i < MAX_START_POLLS; i++) await sleep(START_POLL_MS);
const readPacer = new Pacer(config.readsPerSecond, () => reads.one());
const writePacer = new Pacer(config.writesPerSecond, () => writes.one());

async function watch(key: string, timeoutMs: number): Promise<number | undefined> {
  const beganMs = monotonicMs();
  for (;;) {
    const value = cache.peek(key);
    const nowMs = monotonicMs();
    if (value === undefined) return nowMs;
    if (nowMs - beganMs > timeoutMs) return undefined;
    await (nowMs - beganMs < CLOSE_WATCH_MS ? nextTurn() : sleep(1));
  }
}
