import { portOf, type Subject, type SubjectKind, TTL_MS } from '../subject.ts';
import { keyOf, type User } from '../values.ts';

/** Memory, Redis and its notifications over Redis, as its README tells. */
export const layeredLoader: SubjectKind = {
  name: 'layered-loader',
  async open({ redisUrl, name, memoryEntries, load }): Promise<Subject> {
    const [{ createNotificationPair, Loader, RedisCache }, { Redis }] = await Promise.all([
      import('layered-loader'),
      import('ioredis'),
    ]);
    const options = portOf(redisUrl);
    const clients = [new Redis(options), new Redis(options), new Redis(options)] as const;
    const [cacheRedis, consumerRedis, publisherRedis] = clients;
    const { publisher, consumer } = createNotificationPair<User>({
      channel: `${name}-notifications`,
      consumerRedis,
      publisherRedis,
    });
    const loader = new Loader<User>({
      inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: TTL_MS, maxItems: memoryEntries },
      asyncCache: new RedisCache<User>(cacheRedis, { json: true, ttlInMsecs: TTL_MS, prefix: name }),
      notificationConsumer: consumer,
      notificationPublisher: publisher,
      dataSourceGetOneFn: load,
      dataSourceGetManyFn: (keys: string[]) => Promise.all(keys.map(load)),
      cacheKeyFromValueResolver: ({ id }) => keyOf(id),
    });
    await loader.init();
    return {
      name: 'layered-loader',
      peek: (key) => loader.getInMemoryOnly(key),
      get: (key) => loader.get(key),
      getOrSet: (key) => loader.get(key),
      getMany: (keys) => loader.getMany([...keys]),
      set: (key, value) => loader.forceSetValue(key, value),
      delete: (key) => loader.invalidateCacheFor(key),
      holds: (key) => loader.getInMemoryOnly(key) !== undefined,
      async close() {
        await loader.close();
        for (const client of clients) client.disconnect();
      },
    };
  },
};
