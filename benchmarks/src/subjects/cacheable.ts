import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** Its memory in front of Redis, kept in step by CacheableSync over Redis, which carries values. */
export const cacheable: SubjectKind = {
  name: 'cacheable',
  async open({ redisUrl, name, memoryEntries, load }): Promise<Subject> {
    const [{ Cacheable, createKeyv }, { default: KeyvRedis }, { RedisMessageProvider }] = await Promise.all([
      import('cacheable'),
      import('@keyv/redis'),
      import('@qified/redis'),
    ]);
    const messages = new RedisMessageProvider({ uri: redisUrl });
    const cache = new Cacheable({
      namespace: name,
      ttl: TTL_MS,
      primary: createKeyv({ ttl: TTL_MS, lruSize: memoryEntries }),
      secondary: new KeyvRedis(redisUrl),
      sync: { qified: messages },
    });
    return {
      ...UNABLE,
      name: 'cacheable',
      get: (key) => cache.get<User>(key),
      getOrSet: (key) => cache.getOrSet(key, () => load(key)),
      getMany: (keys) => cache.getMany<User>([...keys]),
      set: (key, value) => cache.set(key, value),
      delete: (key) => cache.delete(key),
      async close() {
        await cache.disconnect();
        await messages.disconnect();
      },
    };
  },
};
