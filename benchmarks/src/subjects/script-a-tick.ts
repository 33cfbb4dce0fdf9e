import { type Subject, type SubjectKind, TTL_MS, UNABLE } from '../subject.ts';
import type { User } from '../values.ts';

interface Call {
  readonly key: string;
  readonly payload: Uint8Array;
  resolve(): void;
  reject(reason: unknown): void;
}

/** The entries come in one argument, each behind its length. */
const SCRIPT = `#!lua
local entries, at, value = ARGV[1], 1, nil
for i = 1, #KEYS do
  value, at = struct.unpack('>I4c0', entries, at)
  redis.call('SET', KEYS[i], value, 'PX', ARGV[2])
end
return #KEYS`;

/**
 * The least work of a write that has to be one step with the others of its tick: one script that does nothing but SET, the
 * values encoded by the codec of tierwise, frozen, a promise each. Nothing is numbered, fenced, compared, logged, told to
 * anybody or kept in memory.
 */
export const scriptATick: SubjectKind = {
  name: 'script a tick',
  async open({ redisUrl, name }): Promise<Subject> {
    const [{ Redis }, { msgpack }] = await Promise.all([import('ioredis'), import('tierwise')]);
    const client = new Redis(redisUrl);
    const codec = msgpack();
    const sha1 = (await client.script('LOAD', SCRIPT)) as string;
    const nameOf = (key: string): string => `${name}:${key}`;
    let waiting: Call[] = [];
    const flush = async (): Promise<void> => {
      const calls = waiting;
      waiting = [];
      try {
        const names = calls.map(({ key }) => nameOf(key));
        await client.evalsha(sha1, names.length, ...names, packed(calls), TTL_MS);
        for (const { resolve } of calls) resolve();
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    };
    return {
      ...UNABLE,
      name: 'script a tick',
      get: async (key) => {
        const bytes = await client.getBuffer(nameOf(key));
        return bytes === null ? undefined : (codec.decode(bytes) as User);
      },
      set: (key, value) =>
        new Promise<void>((resolve, reject) => {
          if (waiting.length === 0) process.nextTick(flush);
          waiting.push({ key, payload: codec.encode(freeze(value)), resolve, reject });
        }),
      close: async () => client.disconnect(),
    };
  },
};

function packed(calls: readonly Call[]): Buffer {
  const bytes = Buffer.allocUnsafe(calls.reduce((sum, { payload }) => sum + 4 + payload.byteLength, 0));
  let at = 0;
  for (const { payload } of calls) {
    bytes.set(payload, bytes.writeUInt32BE(payload.byteLength, at));
    at += 4 + payload.byteLength;
  }
  return bytes;
}

function freeze(value: User): User {
  Object.freeze(value.roles);
  return Object.freeze(value);
}
