import type { Redis } from 'ioredis';
import { CacheError } from 'tierwise/driver';
import type { ConnectionOverrides, ResolvedRedisOptions } from './options.ts';

/** Address of one node. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * The primary that serves the slot of `key` right now, as the first seed that answers tells it.
 *
 * @throws {CacheError} `REMOTE_UNAVAILABLE` when no seed does
 */
export async function findPrimary(
  source: ResolvedRedisOptions,
  overrides: ConnectionOverrides,
  key: string,
): Promise<NodeAddress> {
  let cause: unknown;
  for (const seed of source.seeds()) {
    const client = source.create({ ...overrides, ...seed, commandTimeout: source.deadlineMs });
    client.on('error', () => {});
    try {
      await client.connect();
      return await askPrimary(client, seed, key);
    } catch (error) {
      cause = error;
    } finally {
      client.disconnect();
    }
  }
  throw new CacheError('REMOTE_UNAVAILABLE', 'no node of the cluster tells who serves the partition', {}, { cause });
}

async function askPrimary(client: Redis, seed: NodeAddress, key: string): Promise<NodeAddress> {
  const slot = Number(await client.cluster('KEYSLOT', key));
  const ranges = await client.cluster('SLOTS');
  const range = ranges.find(([from, to]) => from <= slot && slot <= to);
  if (range === undefined) throw new CacheError('REMOTE_UNAVAILABLE', 'no node serves the partition');
  const [, , [host, port]] = range as unknown as [number, number, [string | null, number]];
  // A node that does not know its own address names itself by none.
  return { host: host === '' || host === null ? seed.host : host, port };
}
