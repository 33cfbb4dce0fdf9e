import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

/** The Memcached client with JSON and a lifetime. */
export const memjs: SubjectKind = {
  name: 'memjs',
  async open({ memcachedAddress, name }): Promise<Subject> {
    if (memcachedAddress === undefined) throw new Error('memjs needs a Memcached');
    const { Client } = await import('memjs');
    const client = Client.create(memcachedAddress);
    const nameOf = (key: string): string => `${name}:${key}`;
    return {
      ...UNABLE,
      name: 'memjs',
      async get(key) {
        const { value } = await client.get(nameOf(key));
        return value === null ? undefined : (JSON.parse(value.toString()) as User);
      },
      set: (key, value) => client.set(nameOf(key), JSON.stringify(value), { expires: TTL_MS / 1000 }),
      delete: (key) => client.delete(nameOf(key)),
      close: async () => client.close(),
    };
  },
};
