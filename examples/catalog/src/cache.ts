import { type Cache, createCache, type PlacementOptions, type PlainLayer, type Remote, type Telemetry } from 'tierwise';

/** Δ: how long after a change an instance may at worst still answer from before it, whatever fails meanwhile. */
export const STALENESS_BOUND_MS = 2000;

/** Name of the layer for what is simple and may be lost, where the shop has one. */
const SIMPLE = 'simple';

/**
 * The cache of one instance. `remote` is what it shares with the other instances of the same `name`; `simple` is a layer
 * beside it, such as a Memcached.
 */
export function createCatalogCache(name: string, remote: Remote, telemetry?: Telemetry, simple?: PlainLayer): Cache {
  return createCache({
    name,
    ttl: '5m',
    memory: { maxEntries: 20_000 },
    ...(simple === undefined ? { remote } : { stores: { shared: remote, [SIMPLE]: simple } }),
    coherence: { lease: STALENESS_BOUND_MS },
    ...(telemetry !== undefined && { telemetry }),
  });
}

/** Where a keyspace of simple keys goes: into the layer for them, or where everything is. */
export function simplePlacement(cache: Cache): PlacementOptions {
  return SIMPLE in cache.stats().layers ? { store: SIMPLE } : {};
}
