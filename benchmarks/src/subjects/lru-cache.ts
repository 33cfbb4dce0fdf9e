import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** A map in the process and nothing else: what the memory layer of every other subject is measured against. */
export const lruCache: SubjectKind = {
  name: 'lru-cache',
  async open({ memoryEntries }): Promise<Subject> {
    const { LRUCache } = await import('lru-cache');
    const entries = new LRUCache<string, User>({ max: memoryEntries, ttl: TTL_MS });
    return {
      ...UNABLE,
      name: 'lru-cache',
      peek: (key) => entries.get(key),
      get: async (key) => entries.get(key),
      set: async (key, value) => entries.set(key, value),
      close: async () => entries.clear(),
    };
  },
};
