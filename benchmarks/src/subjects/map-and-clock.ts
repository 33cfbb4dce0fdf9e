import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

interface Entry {
  readonly value: User;
  readonly expiresAtMs: number;
}

/**
 * The least work of a synchronous hit that is judged by the clock: one look-up in a `Map`, one `Date.now()`, one
 * comparison. No bound, no order of use, no coherence. lru-cache can be quicker, since its clock is a number that a timer
 * sets. Awaited it is no least work: it makes a promise at every call, where a cache may hand out one it has kept.
 */
export const mapAndClock: SubjectKind = {
  name: 'Map and clock',
  async open(): Promise<Subject> {
    const entries = new Map<string, Entry>();
    const find = (key: string): User | undefined => {
      const entry = entries.get(key);
      return entry !== undefined && Date.now() < entry.expiresAtMs ? entry.value : undefined;
    };
    const get = async (key: string): Promise<User | undefined> => find(key);
    return {
      ...UNABLE,
      name: 'Map and clock',
      peek: find,
      get,
      getOrSet: get,
      set: async (key, value) => entries.set(key, { value, expiresAtMs: Date.now() + TTL_MS }),
      close: async () => entries.clear(),
    };
  },
};
