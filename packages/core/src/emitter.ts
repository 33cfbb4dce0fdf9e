import type { CacheError } from './errors.ts';

/** Whether answers can be given from memory and the shared layer, and how far what is known reaches. */
export interface Health {
  /**
   * - `coherent`: the view is proved; what memory holds may be served. Lasts up to Δ after a connection broke.
   * - `suspect`: connected, but no proof within Δ; reads go to the loader, memory serves only what is younger than Δ.
   * - `offline`: the shared layer is not connected; reads are answered as when suspect.
   * - `closed`: `close()` was called; calls are refused, and `journaled` is what is lost unless it still gets through.
   */
  readonly state: 'coherent' | 'suspect' | 'offline' | 'closed';
  /** Milliseconds since the newest proof was asked for; infinite before the first. */
  readonly proofAgeMs: number;
  /** Own invalidations waiting for the shared layer to come back. */
  readonly journaled: number;
  /**
   * How old an answer of any instance may be right now, measured from an invalidation made here: Δ, and while own
   * invalidations wait for the shared layer, Δ more than the longest of them has waited.
   */
  readonly stalenessBoundMs: number;
}

/** What `on` can listen to. Listeners run synchronously after the fact and can never fail an operation. */
export interface CacheEvents {
  /**
   * A fault no call could be rejected for: a connection lost, a script refused. `facts.store` is the layer it is of. Never
   * needs a listener.
   */
  error: CacheError;
  /** The bus skipped messages; a tail fetches them. */
  gap: { readonly partition: number };
  /** The view was rebuilt from a snapshot, which empties memory. The first one comes with the first connection. */
  resync: { readonly partition: number };
  /** The state of `health()` became this. */
  coherent: Health;
  suspect: Health;
  offline: Health;
  closed: Health;
  /** An own invalidation could not be confirmed and was journaled. */
  undelivered: { readonly journaled: number };
  /** Journaled invalidations were delivered, or the last one made pointless by a later own call; so many names still wait. */
  delivered: { readonly journaled: number };
  /**
   * A value was too large for the shared layer. `layer` is the name in `stores` of the one that did not get it, and `bytes` are those of the
   * whole entry; without `layer` it is over `maxValueBytes`, `bytes` are those of the value, and no store got it.
   */
  oversize: { readonly bytes: number; readonly limit: number; readonly layer: string | undefined };
}

/** The names of {@link CacheEvents}. */
export const EVENT_NAMES = [
  'error',
  'gap',
  'resync',
  'coherent',
  'suspect',
  'offline',
  'closed',
  'undelivered',
  'delivered',
  'oversize',
] as const satisfies readonly (keyof CacheEvents)[];

type Listener<E> = (event: E) => void;

/** A typed emitter that swallows and counts what listeners throw, and needs no `error` listener. */
export class Emitter {
  readonly #listeners = new Map<keyof CacheEvents, Set<Listener<never>>>();
  readonly #onListenerError: () => void;

  constructor(onListenerError: () => void) {
    this.#onListenerError = onListenerError;
  }

  /** Adds a listener; the result removes it. */
  on<N extends keyof CacheEvents>(name: N, listener: Listener<CacheEvents[N]>): () => void {
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(name, listeners);
    }
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<N extends keyof CacheEvents>(name: N, event: CacheEvents[N]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) this.guard(() => (listener as Listener<CacheEvents[N]>)(event));
  }

  /** Runs a callback of the user's; what it throws or rejects with is counted and goes no further. */
  guard(callback: () => unknown): void {
    try {
      const result = callback();
      if (result instanceof Promise) result.catch(this.#onListenerError);
    } catch {
      this.#onListenerError();
    }
  }
}
