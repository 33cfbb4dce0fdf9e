import { type Subject, type SubjectKind, TTL_MS } from '../subject.ts';
import type { User } from '../values.ts';

/** Memory and Redis with coherence on, as always; values frozen, the default. */
export const tierwise: SubjectKind = {
  name: 'tierwise',
  async open({ redisUrl, name, memoryEntries, load }): Promise<Subject> {
    const [{ createCache }, { redis }] = await Promise.all([import('tierwise'), import('@tierwise/redis')]);
    const cache = createCache({
      name,
      ttl: TTL_MS,
      memory: { maxEntries: memoryEntries },
      remote: redis({ url: redisUrl }),
    });
    await cache.ready();
    return {
      name: 'tierwise',
      peek: (key) => cache.peek<User>(key),
      get: (key) => cache.get<User>(key),
      getOrSet: (key) => cache.getOrSet(key, () => load(key)),
      getMany: (keys) => cache.getMany<User>(keys),
      set: (key, value) => cache.set(key, value),
      delete: (key) => cache.delete(key),
      holds: (key) => cache.peek(key) !== undefined,
      close: () => cache.close(),
    };
  },
};
