import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs a call in the asynchronous context in which this package was loaded. What connections and timers of a cache set off
 * later is then no part of the request that happened to create the cache, neither in its trace nor by what it keeps alive.
 */
export const atHome: <R>(call: () => R) => R = AsyncLocalStorage.snapshot();
