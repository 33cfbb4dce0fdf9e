import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** CacheableMemory in front of Redis, the layered set-up of its README. It has no way to tell other instances. */
export const cacheManager: SubjectKind = {
  name: 'cache-manager',
  async open({ redisUrl, name, memoryEntries, load }): Promise<Subject> {
    const [{ createCache }, { Keyv }, { CacheableMemory }, { default: KeyvRedis }] = await Promise.all([
      import('cache-manager'),
      import('keyv'),
      import('cacheable'),
      import('@keyv/redis'),
    ]);
    const cache = createCache({
      ttl: TTL_MS,
      stores: [
        new Keyv({ store: new CacheableMemory({ ttl: TTL_MS, lruSize: memoryEntries }) }),
        new Keyv({ store: new KeyvRedis(redisUrl), namespace: name }),
      ],
    });
    return {
      ...UNABLE,
      name: 'cache-manager',
      get: (key) => cache.get<User>(key),
      getOrSet: (key) => cache.wrap(key, () => load(key)),
      getMany: (keys) => cache.mget<User>([...keys]),
      set: (key, value) => cache.set(key, value),
      delete: (key) => cache.del(key),
      async close() {
        await cache.disconnect();
      },
    };
  },
};
