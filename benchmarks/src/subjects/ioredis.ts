import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** The Redis client with JSON and a lifetime, and a message where others have to forget: what one would write by hand. */
export const ioredis: SubjectKind = {
  name: 'ioredis',
  async open({ redisUrl, name }): Promise<Subject> {
    const { Redis } = await import('ioredis');
    const client = new Redis(redisUrl);
    const nameOf = (key: string): string => `${name}:${key}`;
    const read = (text: string | null): User | undefined => (text === null ? undefined : (JSON.parse(text) as User));
    return {
      ...UNABLE,
      name: 'ioredis',
      get: async (key) => read(await client.get(nameOf(key))),
      getMany: async (keys) => (await client.mget(keys.map(nameOf))).map(read),
      set: (key, value) => client.set(nameOf(key), JSON.stringify(value), 'PX', TTL_MS),
      delete: (key) => Promise.all([client.del(nameOf(key)), client.publish(name, key)]),
      close: async () => client.disconnect(),
    };
  },
};
