import type { L1CacheDriver } from 'bentocache/types';
import { portOf, type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** Memory, Redis and its bus: the two-level set-up of its README. Its memory holds JSON text, the default. */
export const bentocache: SubjectKind = {
  name: 'bentocache',
  async open({ redisUrl, name, memoryEntries, load }): Promise<Subject> {
    const [{ BentoCache, bentostore }, { memoryDriver }, { redisBusDriver, redisDriver }] = await Promise.all([
      import('bentocache'),
      import('bentocache/drivers/memory'),
      import('bentocache/drivers/redis'),
    ]);
    const connection = portOf(redisUrl);
    let memory: L1CacheDriver | undefined;
    const driver = memoryDriver({ maxItems: memoryEntries });
    // Seen as it is made, since the library has no way to look into memory alone.
    const observed: typeof driver = {
      ...driver,
      factory(config) {
        const made = driver.factory(config);
        memory = made;
        return made;
      },
    };
    const bento = new BentoCache({
      default: 'multitier',
      ttl: TTL_MS,
      prefix: name,
      stores: {
        multitier: bentostore()
          .useL1Layer(observed)
          .useL2Layer(redisDriver({ connection }))
          .useBus(redisBusDriver({ connection })),
      },
    });
    return {
      ...UNABLE,
      name: 'bentocache',
      get: (key) => bento.get<User>({ key }),
      getOrSet: (key) => bento.getOrSet({ key, factory: () => load(key) }),
      set: (key, value) => bento.set({ key, value }),
      delete: (key) => bento.delete({ key }),
      holds: (key) => memory?.get(key) !== undefined,
      close: () => bento.disconnectAll(),
    };
  },
};
