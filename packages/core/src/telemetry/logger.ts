import type { Clock } from '../clock.ts';
import type { Emitter, Health } from '../emitter.ts';
import { ToldFaults } from './told-faults.ts';

/** Takes a line: its facts, then what it says. The shape of a pino logger. */
type Log = (facts: object, message: string) => void;

/** Where changes of state are written to. What it throws is counted and goes no further. */
export interface Logger {
  debug: Log;
  info: Log;
  warn: Log;
  error: Log;
}

const STATES = {
  coherent: ['info', 'answers come from memory and the shared layer'],
  suspect: ['warn', 'connected, but not proved: reads go to the loader'],
  offline: ['warn', 'the shared layer is away: reads go to the loader'],
  closed: ['info', 'closed: calls are refused'],
} as const satisfies Record<Health['state'], readonly [keyof Logger, string]>;

/** What a logger hears of layers beside the events. */
export interface LayerLog {
  /** The server of a layer answers again, or without one, the whole layer. Written where a fault of it was. */
  recovered(store: string, server: string | undefined): void;
}

/**
 * Writes what a cache goes through to a logger: changes of state, faults that bring new ones, invalidations that begin or
 * cease to wait. Nothing is written for a single call, and a fault that goes on is written once: for each layer, and where
 * it is known for each server, until that one answers again.
 */
export function attachLogger(options: {
  emitter: Emitter;
  logger: Logger;
  clock: Clock;
  cacheName: string;
  /** Name of the authority's store in the options. */
  authorityStore: string;
  /** Names waiting in all journals. */
  journaled: () => number;
  onError: () => void;
}): LayerLog {
  const { emitter, logger, clock, cacheName, authorityStore, journaled, onError } = options;
  const write = (level: keyof Logger, facts: object, message: string): void => {
    try {
      const written: unknown = logger[level]({ cache: cacheName, ...facts }, `tierwise: ${message}`);
      // An asynchronous one that rejects would end the process.
      if (written instanceof Promise) written.catch(onError);
    } catch {
      onError();
    }
  };
  const faults = new ToldFaults(clock);
  let isJournaling = false;
  for (const [state, [level, message]] of Object.entries(STATES)) {
    emitter.on(state as Health['state'], (health) => {
      // A fault that comes back after things were well is told again.
      if (state === 'coherent') faults.forgetRefusals(authorityStore);
      write(level, { state, proofAgeMs: health.proofAgeMs, journaled: health.journaled }, message);
    });
  }
  emitter.on('error', (error) => {
    if (!faults.add(error)) return;
    const { store, server } = error.facts;
    write('error', { store, ...(server !== undefined && { server }), code: error.code, err: error }, error.message);
  });
  emitter.on('gap', (gap) => write('debug', gap, 'the bus skipped messages, a tail fetches them'));
  emitter.on('resync', (resync) => write('info', resync, 'the view was rebuilt and memory emptied'));
  emitter.on('undelivered', ({ journaled: names }) => {
    if (isJournaling) return;
    isJournaling = true;
    write('warn', { journaled: names }, 'an invalidation could not be delivered and waits');
  });
  emitter.on('delivered', () => {
    if (!isJournaling || journaled() > 0) return;
    isJournaling = false;
    write('info', {}, 'all invalidations that waited were delivered');
  });
  return {
    recovered: (store, server) => {
      if (!faults.forget(store, server)) return;
      write('info', { store, ...(server !== undefined && { server }) }, 'the layer answers again');
    },
  };
}
