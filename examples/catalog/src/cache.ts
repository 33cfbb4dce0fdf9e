import { type Cache, createCache, type Remote, type Telemetry } from 'tierwise';

/** Δ: how long after a change an instance may at worst still answer from before it, whatever fails meanwhile. */
export const STALENESS_BOUND_MS = 2000;

/** The cache of one instance. `remote` is what it shares with the other instances of the same `name`. */
export function createCatalogCache(name: string, remote: Remote, telemetry?: Telemetry): Cache {
  return createCache({
    name,
    ttl: '5m',
    memory: { maxEntries: 20_000 },
    remote,
    coherence: { lease: STALENESS_BOUND_MS },
    ...(telemetry !== undefined && { telemetry }),
  });
}
