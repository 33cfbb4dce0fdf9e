import type { Redis } from 'ioredis';
import { partitionIndex, type Remote, type RemoteContext, type RemotePartition } from 'tierwise/driver';
import { findPrimary } from './cluster-topology.ts';
import { Names } from './names.ts';
import {
  type ConnectionOverrides,
  type RedisRemoteOptions,
  type ResolvedRedisOptions,
  resolveRedisOptions,
} from './options.ts';
import { type LinkRole, PartitionLinks } from './partition-links.ts';
import { RedisCoordinator } from './redis-coordinator.ts';
import { RedisStore } from './redis-store.ts';

/**
 * Redis 7 or later, or Valkey, as the shared layer and coherence authority. Takes connections of its own, three for each
 * partition, and needs no option of the server.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`
 */
export function redis(options: RedisRemoteOptions): Remote {
  const source = resolveRedisOptions(options);
  return {
    name: 'redis',
    open(context) {
      const all =
        source.partitions === undefined
          ? [openPartition(source, context, undefined)]
          : Array.from({ length: source.partitions }, (_, index) => openPartition(source, context, index));
      return {
        partitions: all.map(({ partition }) => partition),
        partitionOf: (key) => partitionIndex(key, all.length),
        close: async () => {
          for (const { links } of all) links.close();
        },
      };
    },
  };
}

function openPartition(
  source: ResolvedRedisOptions,
  context: RemoteContext,
  partition: number | undefined,
): { links: PartitionLinks; partition: RemotePartition } {
  const { cacheName, clock, leaseMs, logEvents, maxVersions, onError } = context;
  const names = new Names({ cacheName, keyPrefix: source.keyPrefix, database: source.database, partition });
  const links = new PartitionLinks({
    names,
    database: source.database,
    clock,
    deadlineMs: source.deadlineMs,
    tailDeadlineMs: Math.min(source.deadlineMs, leaseMs),
    pingMs: Math.max(source.deadlineMs, leaseMs / 3),
    isSharded: partition !== undefined,
    create: (role) => createClient(source, cacheName, role, names, partition !== undefined),
    onError,
  });
  return {
    links,
    partition: {
      coordinator: new RedisCoordinator({ links, logEvents, maxVersions }),
      store: new RedisStore({ links, logEvents }),
    },
  };
}

async function createClient(
  source: ResolvedRedisOptions,
  cacheName: string,
  role: LinkRole,
  names: Names,
  isSharded: boolean,
): Promise<Redis> {
  const overrides = connectionOptions(source, `tierwise:${cacheName}:${role}`);
  if (!isSharded) return source.create(overrides);
  return source.create({ ...overrides, ...(await findPrimary(source, overrides, names.state[0])) });
}

/** A client that does nothing by itself: `Link` connects it once and replaces it when it ends. */
function connectionOptions(source: ResolvedRedisOptions, connectionName: string): ConnectionOverrides {
  return {
    connectionName,
    protocol: 3,
    replyMapping: 'legacy',
    lazyConnect: true,
    commandTimeout: undefined,
    connectTimeout: source.deadlineMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableAutoPipelining: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    reconnectOnError: null,
    // Names carry the user's prefix themselves, channels included, so the client must not add it again.
    keyPrefix: '',
    readOnly: false,
  };
}
