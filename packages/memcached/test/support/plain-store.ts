import { CacheError, type PlainStore, type PlainWrite, systemClock } from 'tierwise/driver';
import { type MemcachedOptions, memcached } from '../../src/index.ts';

export interface Opened extends AsyncDisposable {
  readonly store: PlainStore;
  /** Faults that were reported beside the outcomes. */
  readonly faults: CacheError[];
  /** Servers that were reported to answer again. */
  readonly recovered: (string | undefined)[];
}

export function open(options: MemcachedOptions): Opened {
  const faults: CacheError[] = [];
  const recovered: (string | undefined)[] = [];
  const store = memcached(options).connect({
    cacheName: 'test',
    clock: systemClock,
    onError: (error) => faults.push(error),
    onRecovered: (server) => recovered.push(server),
  });
  return { store, faults, recovered, [Symbol.asyncDispose]: () => store.close() };
}

export function item(name: string, value: string | Uint8Array, ttlMs = 60_000): PlainWrite {
  return { name, ttlMs, bytes: typeof value === 'string' ? Buffer.from(value) : value };
}

/** What was read, as text; errors by their code. */
export async function readTexts(store: PlainStore, names: readonly string[]): Promise<(string | undefined)[]> {
  return (await store.read(names)).map((read) => {
    if (CacheError.is(read)) return read.code;
    return read === undefined ? undefined : Buffer.from(read).toString();
  });
}

/** The codes of what could not be written. */
export async function writeCodes(store: PlainStore, writes: readonly PlainWrite[]): Promise<(string | undefined)[]> {
  return (await store.write(writes)).map((error) => error?.code);
}
