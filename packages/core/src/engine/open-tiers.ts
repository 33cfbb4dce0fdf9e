import type { Clock } from '../clock.ts';
import type { Coordinator } from '../coherence/coordinator.ts';
import type { Tailer } from '../coherence/tailer.ts';
import type { View } from '../coherence/view.ts';
import type { Counters, LayerCounters } from '../stats.ts';
import { GenerationStore } from '../store/generation-store.ts';
import type { PlainStore } from '../store/plain-store.ts';
import type { Store } from '../store/store.ts';
import type { LayerFacts } from './layer.ts';
import { RemoteReads, type RemoteReadsOptions } from './remote-reads.ts';
import type { Tier } from './tiers.ts';
import type { Watch, WatchedRemote } from './watched.ts';

/** A connected layer without scripts, shared by all partitions. */
export interface ConnectedPlain {
  readonly name: string;
  readonly store: PlainStore;
}

export interface TierOptions {
  /** The authority's own store, watched, and its name in the options. */
  readonly store: WatchedRemote['store'];
  readonly storeName: string;
  /** Layers without scripts, by the names of their stores. */
  readonly plainStores: ReadonlyMap<string, ConnectedPlain>;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly view: View;
  readonly tailer: Tailer;
  readonly watch: Watch;
  readonly counters: Counters;
  readonly accept: RemoteReadsOptions['accept'];
  report(reason: unknown, storeName: string): void;
  /** An entry of so many bytes was over the limit of a layer, and not sent to it. */
  onOversize(bytes: number, limit: number, storeName: string): void;
}

/** The shared layers of one partition, by the names of their stores. */
export function openTiers(options: TierOptions): ReadonlyMap<string, Tier> {
  const { storeName, store, plainStores, watch, counters } = options;
  const authority = layerFacts(counters, storeName, store.name);
  const tiers = new Map<string, Tier>([[storeName, tierOf(options, authority, store)]]);
  for (const [name, plain] of plainStores) {
    const layer = layerFacts(counters, name, plain.name);
    tiers.set(name, tierOf(options, layer, watch.plain(generationStore(options, layer, plain), layer)));
  }
  return tiers;
}

/** What is told of the store `storeName` of the options. */
export function layerFacts({ layers }: Counters, storeName: string, name: string): LayerFacts {
  // The engine makes one set of counters for each store of the options.
  return { name, storeName, counters: layers[storeName] as LayerCounters };
}

function tierOf(options: TierOptions, layer: LayerFacts, store: Tier['store'] & Pick<Store, 'read'>): Tier {
  const { clock, view, tailer, counters, accept, report } = options;
  const own = layer.counters;
  const reads = new RemoteReads({
    clock,
    store,
    layer,
    view,
    tailer,
    accept,
    onFailure: (keys, reason) => {
      counters.remote.errors += keys;
      own.errors += keys;
      report(reason, layer.storeName);
    },
    onUnproved: (keys) => {
      counters.remote.misses += keys;
      counters.remote.unproved += keys;
      own.misses += keys;
      own.unproved += keys;
    },
  });
  return { layer, store, reads };
}

function generationStore(options: TierOptions, layer: LayerFacts, { name, store }: ConnectedPlain): GenerationStore {
  const { clock, view, tailer, coordinator, counters, report, onOversize } = options;
  return new GenerationStore({
    name,
    plain: store,
    coordinator,
    view,
    clock,
    reach: (seq) => tailer.reach(seq),
    onFault: (error, names) => {
      counters.remote.errors += names;
      layer.counters.errors += names;
      report(error, layer.storeName);
    },
    onOversize: (bytes) => {
      counters.remote.oversized++;
      layer.counters.oversized++;
      onOversize(bytes, store.limits.maxValueBytes, layer.storeName);
    },
  });
}
