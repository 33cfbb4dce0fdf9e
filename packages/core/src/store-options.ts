import { checkObject, invalidOption } from './checks.ts';
import type { Stack } from './engine/layer.ts';
import { describe } from './errors.ts';
import { inProcess } from './in-process/remote.ts';
import type { PlainLayer } from './store/plain-store.ts';
import type { Remote } from './store/remote.ts';

/** Where entries are kept beside memory; for a cache what keyspaces fall back to. */
export interface PlacementOptions {
  /** The one shared layer, by its name in `stores`. Default: the coherence authority. */
  readonly store?: string;
  /**
   * Several layers, `'memory'` first, then names of `stores` in the order they are asked. What a lower one answers is
   * copied into those above it, and writes go to all. Instead of `store`.
   */
  readonly layers?: readonly string[];
}

/** The shared layers of a cache, resolved. */
export interface ResolvedStores {
  /** The coherence authority and its store. */
  readonly remote: Remote;
  /** Its name among the stores. */
  readonly authorityStore: string;
  /** Layers without scripts, by the names of their stores. */
  readonly plainLayers: ReadonlyMap<string, PlainLayer>;
  /** Where entries go that no keyspace places elsewhere. */
  readonly stack: Stack;
}

const MEMORY = 'memory';
const STORE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** The name of the only store where stores have no names. */
const ONLY_STORE = 'remote';

/**
 * The shared layers that the options of a cache name.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function resolveStores(
  options: PlacementOptions & {
    readonly remote?: Remote;
    readonly stores?: Readonly<Record<string, Remote | PlainLayer>>;
  },
): ResolvedStores {
  const { remote, stores } = options;
  if (stores === undefined) {
    if (options.store !== undefined || options.layers !== undefined) {
      throw invalidOption(options.store === undefined ? 'layers' : 'store', 'names a store, so stores must be given');
    }
    const only = checkRemote(remote ?? inProcess());
    return { remote: only, authorityStore: ONLY_STORE, plainLayers: new Map(), stack: Object.freeze([ONLY_STORE]) };
  }
  if (remote !== undefined) throw invalidOption('stores', 'takes the place of remote: give one of them');
  const named = namedStores(stores);
  const stack = resolveStack(options, { ...named, stack: [named.authorityStore] }, '');
  return { ...named, stack };
}

/**
 * The stack that `store` or `layers` ask for, or else the one of `stores`.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function resolveStack(
  { store, layers }: PlacementOptions,
  stores: Pick<ResolvedStores, 'authorityStore' | 'plainLayers' | 'stack'>,
  prefix: string,
): Stack {
  if (store !== undefined && layers !== undefined) {
    throw invalidOption(`${prefix}store`, 'and layers exclude each other: give one of them');
  }
  if (store === undefined && layers === undefined) return stores.stack;
  const names = store === undefined ? belowMemory(layers, `${prefix}layers`) : [store];
  const known = [stores.authorityStore, ...stores.plainLayers.keys()];
  const subject = `${prefix}${store === undefined ? 'layers' : 'store'}`;
  for (const name of names) {
    if (!known.includes(name)) throw invalidOption(subject, `must name stores; there are: ${known.join(', ')}`);
  }
  if (new Set(names).size < names.length) throw invalidOption(subject, 'must name each layer once');
  return Object.freeze([...names]);
}

function belowMemory(layers: unknown, subject: string): readonly string[] {
  const isStack = Array.isArray(layers) && layers[0] === MEMORY && layers.length > 1;
  if (isStack) return layers.slice(1) as string[];
  throw invalidOption(subject, "must be an array that begins with 'memory' and names at least one store");
}

function namedStores(stores: unknown): Omit<ResolvedStores, 'stack'> {
  const given = (typeof stores === 'object' ? stores : undefined) ?? {};
  checkObject(stores, 'stores', Object.keys(given));
  const remotes: [string, Remote][] = [];
  const plainLayers = new Map<string, PlainLayer>();
  for (const [name, layer] of Object.entries(given as Record<string, unknown>)) {
    if (!STORE_NAME.test(name) || name === MEMORY) {
      throw invalidOption('stores', "must be named with letters, digits, '.', '_' or '-', and not 'memory'");
    }
    if (isRemote(layer)) remotes.push([name, layer]);
    else if (isPlainLayer(layer)) plainLayers.set(name, layer);
    else
      throw invalidOption(`stores.${name}`, `must be a layer such as redis() or memcached(), got ${describe(layer)}`);
  }
  const [authority, another] = remotes;
  if (authority === undefined || another !== undefined) {
    throw invalidOption('stores', `must hold one coherence authority such as redis(), got ${remotes.length}`);
  }
  return { remote: authority[1], authorityStore: authority[0], plainLayers };
}

function isRemote(layer: unknown): layer is Remote {
  return typeof layer === 'object' && layer !== null && 'open' in layer && typeof layer.open === 'function';
}

function isPlainLayer(layer: unknown): layer is PlainLayer {
  return typeof layer === 'object' && layer !== null && 'connect' in layer && typeof layer.connect === 'function';
}

function checkRemote(remote: unknown): Remote {
  if (isRemote(remote)) return remote;
  throw invalidOption(
    'remote',
    `must be a shared layer such as redis({ url }) or inProcess(), got ${describe(remote)}`,
  );
}
