import { checkOptionalFunction } from './call-options.ts';
import { invalidOption } from './checks.ts';
import { type CacheEvents, EVENT_NAMES, type Health } from './emitter.ts';
import { Engine } from './engine/engine.ts';
import { CacheError } from './errors.ts';
import { Namespace } from './namespace.ts';
import { type CacheOptions, resolveOptions } from './options.ts';
import type { CacheStats } from './stats.ts';

/** A cache: the root namespace, and what concerns the whole. */
export class Cache extends Namespace implements AsyncDisposable {
  /** The name it was created with. */
  readonly name: string;
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine) {
    super(engine, '');
    this.#engine = engine;
    this.name = engine.options.name;
  }

  /** Counts of every layer since the cache was created, namespaces and keyspaces included. */
  stats(): CacheStats {
    return this.#engine.stats();
  }

  /** Whether answers can be given from memory and the shared layer right now; also answers after `close()`. */
  health(): Health {
    return this.#engine.health();
  }

  /**
   * Listens to an event; the result stops listening. A listener runs synchronously, and what it throws is counted and
   * goes no further. No event needs a listener.
   *
   * @throws {CacheError} `INVALID_OPTIONS`
   */
  on<N extends keyof CacheEvents>(name: N, listener: (event: CacheEvents[N]) => void): () => void {
    if (!EVENT_NAMES.includes(name)) throw invalidOption('event', `must be one of '${EVENT_NAMES.join("', '")}'`);
    if (listener === undefined) throw invalidOption('listener', 'is required');
    checkOptionalFunction(listener, 'listener');
    return this.#engine.emitter.on(name, listener);
  }

  /**
   * Resolves with the health once the shared layer has been reached for the first time, or found not to be there within
   * its deadline. Never rejects: the cache works without, and goes on trying. Calls made before wait for the same;
   * only a `set` made before cannot be dated and makes everybody forget its key instead of storing.
   */
  ready(): Promise<Health> {
    return this.#engine.ready();
  }

  /**
   * Lets values already loaded and writes under way reach the shared layer, then ends its connections; what a loader that
   * is still running brings is answered to its callers and kept nowhere, and invalidations still journaled are lost with
   * it. A `mutate` under way is not waited for: it resolves undelivered, and its fence runs out by itself. Calls made
   * afterwards are refused with `CACHE_CLOSED`. May be called more than once; never rejects.
   */
  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Creates a cache. It starts to connect at once and can be used at once.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`, `INVALID_NAME` or `UNSUPPORTED_RUNTIME`
 */
export function createCache(options: CacheOptions): Cache {
  checkRuntime();
  return new Cache(new Engine(resolveOptions(options)));
}

/** By what is missing there: an older Node would import all of this, and fail at the first load. */
function checkRuntime(): void {
  if (typeof Promise.withResolvers === 'function') return;
  throw new CacheError('UNSUPPORTED_RUNTIME', `tierwise needs Node 22.18 or newer, this is ${process.version}`);
}
