import type { ObservedCache, Telemetry } from './telemetry.ts';

/** What caches of one process have in common, whichever copy of this package made them. */
interface ProcessWide {
  telemetry: Telemetry | undefined;
  /**
   * Caches without telemetry of their own, each with what to call when it is not observed any more. Held weakly: one that
   * was dropped without having been closed must not stay for being observable.
   */
  readonly caches: Map<WeakRef<ObservedCache>, (() => void) | undefined>;
}

/** Ends with the version of the interfaces: copies that differ there do not meet. */
const PLACE = Symbol.for('tierwise.telemetry.1');

function find(): ProcessWide {
  const places = globalThis as { [PLACE]?: ProcessWide };
  places[PLACE] ??= { telemetry: undefined, caches: new Map() };
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
    attempt(() => detach?.());
    const cache = ref.deref();
    processWide.caches.set(ref, cache && telemetry && attempt(() => telemetry.attach(cache)));
  }
}

/** Shows a new cache to its own telemetry or to that of the process; the result takes it away. */
export function observe(cache: ObservedCache, own: Telemetry | undefined): () => void {
  if (own !== undefined) {
    const detach = attempt(() => own.attach(cache));
    return () => void attempt(() => detach?.());
  }
  const { telemetry, caches } = processWide;
  const ref = new WeakRef(cache);
  caches.set(ref, telemetry && attempt(() => telemetry.attach(cache)));
  dropped.register(cache, ref, cache);
  return () => {
    dropped.unregister(cache);
    const detach = caches.get(ref);
    caches.delete(ref);
    attempt(() => detach?.());
  };
}

/** Telemetry can never fail an operation, the creation of a cache included. */
function attempt<R>(call: () => R): R | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
