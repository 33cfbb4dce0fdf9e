import type { ObservedCache, Telemetry } from './telemetry.ts';

/** What caches of one process have in common, whichever copy of this package made them. */
interface ProcessWide {
  telemetry: Telemetry | undefined;
  /**
   * Caches without telemetry of their own, each with what to call when it is not observed any more. Held weakly, for caches on
   * a clock that is dropped with them, as the simulator makes them by the thousand. One on the system's clock is held by its
   * timers until it is closed, and one that telemetry observes may be held by that.
   */
  readonly caches: Map<WeakRef<ObservedCache>, (() => void) | undefined>;
  /** Counts what telemetry throws at a cache. Apart from `caches`, since the counters hold the cache. */
  readonly onErrors: WeakMap<ObservedCache, () => void>;
}

/** Ends with the version of the interfaces: copies that differ there do not meet. */
const PLACE = Symbol.for('tierwise.telemetry.1');

function find(): ProcessWide {
  const places = globalThis as { [PLACE]?: ProcessWide };
  places[PLACE] ??= { telemetry: undefined, caches: new Map(), onErrors: new WeakMap() };
  return places[PLACE];
}

export const processWide: ProcessWide = find();

const dropped = new FinalizationRegistry<WeakRef<ObservedCache>>((ref) => processWide.caches.delete(ref));

/**
 * Makes `telemetry` that of every cache of the process that was given none of its own, of those there already and of those
 * still to come. There is one at a time: it takes the place of the one before. The result takes it out again.
 */
export function instrument(telemetry: Telemetry): () => void {
  replace(telemetry);
  return () => {
    if (processWide.telemetry === telemetry) replace(undefined);
  };
}

function replace(telemetry: Telemetry | undefined): void {
  processWide.telemetry = telemetry;
  for (const [ref, detach] of processWide.caches) {
    const cache = ref.deref();
    attempt(() => detach?.(), cache);
    processWide.caches.set(ref, cache && telemetry && attempt(() => telemetry.attach(cache), cache));
  }
}

/**
 * Shows a new cache to its own telemetry or to that of the process; the result takes it away. What telemetry throws at either,
 * or when it is replaced, goes no further than `onError`.
 */
export function observe(cache: ObservedCache, own: Telemetry | undefined, onError: () => void): () => void {
  const { telemetry, caches, onErrors } = processWide;
  onErrors.set(cache, onError);
  if (own !== undefined) {
    const detach = attempt(() => own.attach(cache), cache);
    return () => void attempt(() => detach?.(), cache);
  }
  const ref = new WeakRef(cache);
  caches.set(ref, telemetry && attempt(() => telemetry.attach(cache), cache));
  dropped.register(cache, ref, cache);
  return () => {
    dropped.unregister(cache);
    const detach = caches.get(ref);
    caches.delete(ref);
    attempt(() => detach?.(), cache);
  };
}

/** Telemetry can never fail an operation, the creation of a cache included. Without a cache nobody is there to count. */
function attempt<R>(call: () => R, cache: ObservedCache | undefined): R | undefined {
  try {
    return call();
  } catch {
    if (cache !== undefined) processWide.onErrors.get(cache)?.();
    return undefined;
  }
}
