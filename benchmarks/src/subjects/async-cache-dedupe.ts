import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';

/** One storage at a time: memory, or Redis where memory is to hold nothing. It has no second layer and no `get`. */
export const asyncCacheDedupe: SubjectKind = {
  name: 'async-cache-dedupe',
  async open({ redisUrl, memoryEntries, load }): Promise<Subject> {
    const [{ createCache }, { Redis }] = await Promise.all([import('async-cache-dedupe'), import('ioredis')]);
    const client = memoryEntries > 1 ? undefined : new Redis(redisUrl);
    const cache = createCache({
      ttl: TTL_MS / 1000,
      storage:
        client === undefined
          ? { type: 'memory', options: { size: memoryEntries } }
          : { type: 'redis', options: { client } },
    }).define('user', load);
    return {
      ...UNABLE,
      name: 'async-cache-dedupe',
      getOrSet: (key) => cache.user(key),
      async close() {
        client?.disconnect();
      },
    };
  },
};
