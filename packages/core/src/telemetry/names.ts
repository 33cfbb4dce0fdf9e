// All names under which anything is told to the outside. `docs/reference/telemetry.md` is held to them by a test.

/** Names of the spans of public calls. */
export const OPERATION_SPANS = {
  peek: 'cache.peek',
  get: 'cache.get',
  entry: 'cache.entry',
  getMany: 'cache.getMany',
  getOrSet: 'cache.getOrSet',
  set: 'cache.set',
  setMany: 'cache.setMany',
  delete: 'cache.delete',
  deleteMany: 'cache.deleteMany',
  invalidateTags: 'cache.invalidateTags',
  invalidatePrefix: 'cache.invalidatePrefix',
  invalidatePattern: 'cache.invalidatePattern',
  clear: 'cache.clear',
  mutate: 'cache.mutate',
} as const;

/** Names of the spans below them, and of work in the background. */
export const SPANS = {
  layerGet: 'cache.layer.get',
  layerSet: 'cache.layer.set',
  load: 'cache.load',
  loadWait: 'cache.load.wait',
  invalidate: 'cache.invalidate',
  deliver: 'cache.deliver',
  resync: 'cache.resync',
  collect: 'cache.collect',
  /** Followed by a blank and the channel. */
  publish: 'publish',
  /** Followed by a blank and the channel. */
  process: 'process',
} as const;

/** Attributes of spans and metrics. */
export const ATTRIBUTES = {
  name: 'cache.name',
  layer: 'cache.layer',
  store: 'cache.store',
  result: 'cache.result',
  hit: 'cache.hit',
  key: 'cache.key',
  keyCount: 'cache.key.count',
  hitCount: 'cache.hit.count',
  batchSize: 'cache.batch.size',
  operation: 'cache.operation',
  partition: 'cache.partition',
  fence: 'cache.fence',
  delivered: 'cache.delivered',
  seq: 'cache.seq',
  tagCount: 'cache.tag.count',
  prefixCount: 'cache.prefix.count',
  patternCount: 'cache.pattern.count',
  clear: 'cache.clear',
  dropped: 'cache.collect.dropped',
  reason: 'cache.reason',
  state: 'cache.state',
  errorType: 'error.type',
  messagingSystem: 'messaging.system',
  messagingOperationName: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
} as const;

/** The in-process layer as telemetry names it. */
export const MEMORY_LAYER = 'l1';

/** What became of asking one layer. */
export const RESULTS = ['hit', 'miss', 'stale', 'expired', 'unproved', 'error'] as const;

/**
 * - `hit`: answered.
 * - `miss`: nothing there, or nothing that could be read.
 * - `stale`: there, but older than an invalidation that is known.
 * - `expired`: there, but past its lifetime.
 * - `unproved`: there or not, it could not be told whether an invalidation was missed.
 * - `error`: the layer could not be asked.
 */
export type LayerResult = (typeof RESULTS)[number];

/** Distributions, in seconds, told as they happen. */
export const DURATIONS = {
  load: 'tierwise.load.duration',
  store: 'tierwise.store.duration',
  propagation: 'tierwise.propagation.duration',
} as const;

/** Figures read from `stats()` and `health()` whenever they are exported. */
export const FIGURES = {
  requests: 'tierwise.requests',
  loads: 'tierwise.loads',
  loadsShared: 'tierwise.loads.shared',
  loadsUnkept: 'tierwise.loads.unkept',
  loadsRunning: 'tierwise.loads.running',
  memoryEntries: 'tierwise.memory.entries',
  memorySize: 'tierwise.memory.size',
  memoryEvictions: 'tierwise.memory.evictions',
  fills: 'tierwise.store.fills',
  storeErrors: 'tierwise.store.errors',
  connectionErrors: 'tierwise.store.connection_errors',
  storeSkipped: 'tierwise.store.skipped',
  storeOversized: 'tierwise.store.oversized',
  invalidationsSent: 'tierwise.invalidations.sent',
  invalidationsReceived: 'tierwise.invalidations.received',
  invalidationsUndelivered: 'tierwise.invalidations.undelivered',
  invalidationsJournaled: 'tierwise.invalidations.journaled',
  gaps: 'tierwise.gaps',
  resyncs: 'tierwise.resyncs',
  proofAge: 'tierwise.proof.age',
  stalenessBound: 'tierwise.staleness.bound',
  state: 'tierwise.state',
  internalErrors: 'tierwise.internal_errors',
} as const;

/** Name of the `diagnostics_channel` tracing channel: its channels are `tracing:tierwise:start` and so on. */
export const TRACING_CHANNEL = 'tierwise';
