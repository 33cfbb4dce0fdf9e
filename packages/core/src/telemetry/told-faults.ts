import type { Clock } from '../clock.ts';
import type { CacheError, ErrorCode } from '../errors.ts';

/** After so long without a refusal it counts as over, since nobody reports its end. */
const REFUSAL_OVER_MS = 60_000;

/** Kinds of faults: all that come of a server that is away are one. */
type Kind = Exclude<ErrorCode, 'REMOTE_UNAVAILABLE' | 'REMOTE_TIMEOUT'> | 'away';

/** Faults that go on and were told, for each layer and, where it is known, each server of it. */
export class ToldFaults {
  readonly #clock: Clock;
  /** Store → server → kind → when it came last. */
  readonly #stores = new Map<string | undefined, Map<string | undefined, Map<Kind, number>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Answers whether the fault is a new one, to be told. */
  add({ code, facts: { store, server } }: CacheError): boolean {
    const nowMs = this.#clock.monotonicMs();
    const servers = entryOf(this.#stores, store);
    const kinds = entryOf(servers, server);
    const kind = code === 'REMOTE_UNAVAILABLE' || code === 'REMOTE_TIMEOUT' ? 'away' : code;
    const lastMs = kinds.get(kind);
    kinds.set(kind, nowMs);
    return lastMs === undefined || (kind !== 'away' && nowMs - lastMs >= REFUSAL_OVER_MS);
  }

  /** What was told of a server is over, or without one, all that was told of the layer. Answers whether anything was. */
  forget(store: string, server: string | undefined): boolean {
    if (server === undefined) return this.#stores.delete(store);
    return this.#stores.get(store)?.delete(server) ?? false;
  }

  /** What a layer has refused is over; whether its servers are there, they tell themselves. */
  forgetRefusals(store: string): void {
    const servers = this.#stores.get(store);
    for (const [server, kinds] of servers ?? []) {
      for (const kind of kinds.keys()) if (kind !== 'away') kinds.delete(kind);
      if (kinds.size === 0) servers?.delete(server);
    }
    if (servers?.size === 0) this.#stores.delete(store);
  }
}

function entryOf<K, I, V>(map: Map<K, Map<I, V>>, key: K): Map<I, V> {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = new Map<I, V>();
  map.set(key, made);
  return made;
}
