import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** Memory and Memcached; Redis tells what to forget and holds no entries. */
export const tierwiseMemcached: SubjectKind = {
  name: 'tierwise-memcached',
  async open({ redisUrl, memcachedAddress, name, memoryEntries, load }): Promise<Subject> {
    if (memcachedAddress === undefined) throw new Error('tierwise-memcached needs a Memcached');
    const [{ createCache }, { redis }, { memcached }] = await Promise.all([
      import('tierwise'),
      import('@tierwise/redis'),
      import('@tierwise/memcached'),
    ]);
    const cache = createCache({
      name,
      ttl: TTL_MS,
      memory: { maxEntries: memoryEntries },
      stores: { redis: redis({ url: redisUrl }), simple: memcached({ servers: memcachedAddress }) },
      store: 'simple',
    });
    await cache.ready();
    return {
      ...UNABLE,
      name: 'tierwise-memcached',
      get: (key) => cache.get<User>(key),
      set: (key, value) => cache.set(key, value),
      getOrSet: (key) => cache.getOrSet(key, () => load(key)),
      close: () => cache.close(),
    };
  },
};
