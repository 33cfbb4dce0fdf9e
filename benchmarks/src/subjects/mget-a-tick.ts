import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

interface Call {
  readonly key: string;
  resolve(value: User | undefined): void;
  reject(reason: unknown): void;
}

/**
 * The least work of a read of Redis with the codec and the isolation of tierwise: all of one tick as one MGET, decoded,
 * frozen, a promise each.
 * Nothing is kept, dated, judged or told to anybody.
 */
export const mgetATick: SubjectKind = {
  name: 'MGET a tick',
  async open({ redisUrl, name }): Promise<Subject> {
    const [{ Redis }, { msgpack }] = await Promise.all([import('ioredis'), import('tierwise')]);
    const client = new Redis(redisUrl);
    const codec = msgpack();
    const nameOf = (key: string): string => `${name}:${key}`;
    const read = (bytes: Buffer | null | undefined): User | undefined =>
      bytes === null || bytes === undefined ? undefined : (freeze(codec.decode(bytes)) as User);
    let waiting: Call[] = [];
    const flush = async (): Promise<void> => {
      const calls = waiting;
      waiting = [];
      try {
        const values = await client.mgetBuffer(calls.map(({ key }) => nameOf(key)));
        for (const [index, { resolve }] of calls.entries()) resolve(read(values[index]));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    };
    return {
      ...UNABLE,
      name: 'MGET a tick',
      get: (key) =>
        new Promise((resolve, reject) => {
          if (waiting.length === 0) process.nextTick(flush);
          waiting.push({ key, resolve, reject });
        }),
      getMany: async (keys) => (await client.mgetBuffer(keys.map(nameOf))).map(read),
      set: (key, value) => client.set(nameOf(key), Buffer.from(codec.encode(value)), 'PX', TTL_MS),
      close: async () => client.disconnect(),
    };
  },
};

/** Values here are plain trees. */
function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null)
    for (const member of Object.values(Object.freeze(value))) freeze(member);
  return value;
}
