import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

interface Entry {
  readonly value: User;
  readonly promise: Promise<User>;
  readonly expiresAtMs: number;
  checkedGeneration: number;
}

const NOTHING: Promise<undefined> = Promise.resolve(undefined);

const DAY_MS = 86_400_000;

/**
 * The least work of a hit that keeps the promise: one look-up in a `Map`, one `Date.now()`, and the comparisons without
 * which a value could be older than it may be. Has it expired, is the proof neither too old nor from a clock that was
 * stepped back, was nothing invalidated since the entry was last found valid? Counted, and awaited with a promise that was
 * made when the value was stored. No bound, no order of use, no namespaces, no telemetry, and nothing that ever renews the
 * proof.
 */
export const judgedMap: SubjectKind = {
  name: 'judged Map',
  async open(): Promise<Subject> {
    const entries = new Map<string, Entry>();
    const openedAtMs = Date.now();
    const view = { generation: 0, coversFromMs: openedAtMs, coversUntilMs: openedAtMs + DAY_MS };
    const counters = { hits: 0 };
    const fresh = (key: string): Entry | undefined => {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const nowMs = Date.now();
      if (nowMs >= entry.expiresAtMs) return undefined;
      if (nowMs > view.coversUntilMs || nowMs < view.coversFromMs) return undefined;
      if (entry.checkedGeneration !== view.generation) return undefined;
      counters.hits++;
      return entry;
    };
    const get = (key: string): Promise<User | undefined> => fresh(key)?.promise ?? NOTHING;
    return {
      ...UNABLE,
      name: 'judged Map',
      peek: (key) => fresh(key)?.value,
      get,
      getOrSet: get,
      set: async (key, value) => {
        const expiresAtMs = Date.now() + TTL_MS;
        entries.set(key, { value, promise: Promise.resolve(value), expiresAtMs, checkedGeneration: view.generation });
      },
      close: async () => entries.clear(),
    };
  },
};
