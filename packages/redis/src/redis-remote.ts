import { partitionIndex, type Remote, type RemoteContext, type RemoteSession } from 'tierwise/driver';
import { ClusterLinks } from './cluster-links.ts';
import { ClusterTopology } from './cluster-topology.ts';
import { Layout } from './layout.ts';
import { Names } from './names.ts';
import { type LinkRole, NodeLinks } from './node-links.ts';
import {
  type ConnectionOverrides,
  type RedisRemoteOptions,
  type ResolvedRedisOptions,
  resolveRedisOptions,
} from './options.ts';
import { PartitionLinks } from './partition-links.ts';
import { RedisCoordinator } from './redis-coordinator.ts';
import { RedisStore } from './redis-store.ts';

/**
 * Redis 7 or later, or Valkey, as the shared layer and coherence authority. Takes connections of its own, three to the
 * server, or three to each primary of a cluster that serves any of its partitions, and needs no option of the server.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`
 */
export function redis(options: RedisRemoteOptions): Remote {
  const source = resolveRedisOptions(options);
  return {
    name: 'redis',
    open(context) {
      return source.partitions === undefined
        ? openServer(source, context)
        : openCluster(source, context, source.partitions);
    },
  };
}

function openServer(source: ResolvedRedisOptions, context: RemoteContext): RemoteSession {
  const { cacheName, onError, onRecovered } = context;
  const home = new NodeLinks({
    ...linkOptions(source, context),
    isSharded: false,
    create: (role) => source.create(connectionOptions(source, cacheName, role)),
    onDown: onError,
    onWhole: () => onRecovered(),
  });
  const links = new PartitionLinks({
    index: 0,
    names: new Names({ cacheName, keyPrefix: source.keyPrefix, database: source.database, partition: undefined }),
    layout: new Layout({ ...context, partitions: 0 }),
    isSharded: false,
    onOpen: (partition) => {
      partition.moveTo(home);
      home.open();
    },
    onRedirected: () => {},
  });
  return session([links], context, async () => home.close());
}

function openCluster(source: ResolvedRedisOptions, context: RemoteContext, count: number): RemoteSession {
  const { cacheName, clock, onError, onRecovered } = context;
  const layout = new Layout({ ...context, partitions: count });
  const cluster = new ClusterLinks({
    clock,
    topology: new ClusterTopology(source, connectionOptions(source, cacheName, 'topology'), clock),
    reach: (address) => source.reach(address),
    createLinks: (address, watch) =>
      new NodeLinks({
        ...linkOptions(source, context),
        isSharded: true,
        create: (role) => source.create({ ...connectionOptions(source, cacheName, role), ...address }),
        ...watch,
      }),
    onError,
    onRecovered,
  });
  const all = Array.from({ length: count }, (_, index) => {
    return new PartitionLinks({
      index,
      names: new Names({ cacheName, keyPrefix: source.keyPrefix, database: 0, partition: index }),
      layout,
      isSharded: true,
      onOpen: (partition) => cluster.place(partition),
      onRedirected: (partition, home, reply) => cluster.redirect(partition, home, reply),
    });
  });
  return session(all, context, async () => cluster.close());
}

function linkOptions(source: ResolvedRedisOptions, { clock, leaseMs }: RemoteContext) {
  return {
    database: source.database,
    clock,
    deadlineMs: source.deadlineMs,
    tailDeadlineMs: Math.min(source.deadlineMs, leaseMs),
    pingMs: Math.max(source.deadlineMs, leaseMs / 3),
  };
}

function session(
  all: readonly PartitionLinks[],
  { logEvents, maxVersions }: RemoteContext,
  close: () => Promise<void>,
): RemoteSession {
  return {
    partitions: all.map((links) => ({
      coordinator: new RedisCoordinator({ links, logEvents, maxVersions }),
      store: new RedisStore({ links, logEvents }),
    })),
    partitionOf: (key) => partitionIndex(key, all.length),
    close,
  };
}

/** A client that does nothing by itself: `Link` connects it once and replaces it when it ends. */
function connectionOptions(
  source: ResolvedRedisOptions,
  cacheName: string,
  role: LinkRole | 'topology',
): ConnectionOverrides {
  return {
    connectionName: `tierwise:${cacheName}:${role}`,
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
