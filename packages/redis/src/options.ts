import { Cluster, type NatMap, Redis, type RedisOptions, type SentinelAddress } from 'ioredis';
import { checkObject, type Duration, describe, invalidOption, toMs, wholeNumber } from 'tierwise/driver';
import { addressText, type NodeAddress } from './node-address.ts';
import {
  checkClientOptions,
  checkKind,
  checkName,
  checkNatMap,
  checkNodes,
  checkSentinels,
  checkUrl,
  toAddress,
} from './option-checks.ts';

/** Options that every kind of connection takes. */
export interface CommonRedisOptions {
  /** Deadline of every command and of connecting. Default `'1s'`, range 10 ms to 1 min. */
  readonly commandTimeout?: Duration;
}

/** One server by its address: `redis://[user:password@]host[:port][/db]`, `rediss://` for TLS. */
export interface UrlOptions extends CommonRedisOptions {
  readonly url: string;
  /** Further ioredis options, for example `tls`. */
  readonly options?: RedisOptions;
}

/**
 * The server or cluster an existing ioredis client is made for. Only its options are used, its connection is left alone;
 * its `keyPrefix` and database hold for the cache too.
 */
export interface ClientOptions extends CommonRedisOptions {
  readonly client: Redis | Cluster;
  /** For a `Cluster`: see `ClusterAddress.partitions`. */
  readonly partitions?: number;
}

/** The primary of a group that Sentinels watch. */
export interface SentinelOptions extends CommonRedisOptions {
  readonly sentinels: readonly Partial<SentinelAddress>[];
  /** Name of the group, for example `mymaster`. */
  readonly name: string;
  /** Further ioredis options, for example `password` and `sentinelPassword`. */
  readonly options?: RedisOptions;
}

export interface ClusterAddress {
  /** Some of its nodes; the others are found. */
  readonly nodes: readonly NodeAddress[];
  /** Parts the cache is cut into, spread over the nodes. Equal on every instance, never changed. Default 16, 1 to 1,024. */
  readonly partitions?: number;
  /** Announced address, as `host:port`, → the address it is reached at from here, as ioredis takes it. Default: the same. */
  readonly natMap?: NatMap;
  /** Further ioredis options for each node, for example `password`. */
  readonly options?: RedisOptions;
}

/** A Redis Cluster. */
export interface ClusterOptions extends CommonRedisOptions {
  readonly cluster: ClusterAddress;
}

export type RedisRemoteOptions = UrlOptions | ClientOptions | SentinelOptions | ClusterOptions;

/** Options that win over the user's; the shape of replies is not the user's to choose. */
export type ConnectionOverrides = RedisOptions & { readonly replyMapping: 'legacy' };

/** What connections are made from. */
export interface ResolvedRedisOptions {
  readonly deadlineMs: number;
  readonly keyPrefix: string;
  readonly database: number;
  /** Partitions of a cluster; `undefined` for anything else. */
  readonly partitions: number | undefined;
  /** A client that is not connected yet. `overrides` win over the user's options. */
  create(overrides: ConnectionOverrides): Redis;
  /** Addresses to ask for the topology, where `partitions` is given. */
  seeds(): readonly NodeAddress[];
  /** An address that a cluster announces as it can be reached from here. */
  reach(address: NodeAddress): NodeAddress;
}

const DEFAULT_DEADLINE_MS = 1_000;
/** Ends included: shorter than a round trip nothing works, and longer than this is waiting. */
const DEADLINE_RANGE_MS = [10, 60_000] as const;
const DEFAULT_PARTITIONS = 16;
/** What may be given with each kind of address. */
const MEMBERS = {
  url: ['url', 'options', 'commandTimeout'],
  client: ['client', 'partitions', 'commandTimeout'],
  sentinels: ['sentinels', 'name', 'options', 'commandTimeout'],
  cluster: ['cluster', 'commandTimeout'],
};

/**
 * Validates the options of `redis()`.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`
 */
export function resolveRedisOptions(options: RedisRemoteOptions): ResolvedRedisOptions {
  const kind = checkKind(options, MEMBERS);
  const deadlineMs =
    options.commandTimeout === undefined ? DEFAULT_DEADLINE_MS : toMs(options.commandTimeout, 'redis.commandTimeout');
  wholeNumber(deadlineMs, undefined, 'redis.commandTimeout', DEADLINE_RANGE_MS);
  return { deadlineMs, ...SOURCES[kind](options as never) };
}

type Source = Omit<ResolvedRedisOptions, 'deadlineMs'>;

const SOURCES = { url: fromUrl, client: fromClient, sentinels: fromSentinels, cluster: fromCluster };

function fromUrl(given: UrlOptions): Source {
  const { url } = given;
  checkUrl(url);
  const options = checkClientOptions(given.options, 'redis.options');
  return standalone((overrides) => new Redis(url, { ...options, ...overrides }));
}

function fromSentinels(given: SentinelOptions): Source {
  const { name } = given;
  const sentinels = checkSentinels(given.sentinels, 'redis.sentinels');
  checkName(name, 'redis.name', 'the name of the group');
  const options = checkClientOptions(given.options, 'redis.options');
  const own = { sentinels, name, sentinelRetryStrategy: () => null };
  return standalone((overrides) => new Redis({ ...options, ...own, ...overrides }));
}

function fromCluster(given: ClusterOptions): Source {
  const { cluster } = given;
  checkObject(cluster, 'redis.cluster', ['nodes', 'partitions', 'natMap', 'options']);
  const { natMap } = cluster;
  const nodes = checkNodes(cluster.nodes, 'redis.cluster.nodes');
  checkNatMap(natMap, 'redis.cluster.natMap');
  const options = checkClientOptions(cluster.options, 'redis.cluster.options');
  return {
    keyPrefix: options.keyPrefix ?? '',
    database: 0,
    partitions: partitionCount(cluster.partitions, 'redis.cluster.partitions'),
    create: (overrides) => new Redis({ ...options, ...overrides }),
    seeds: () => nodes,
    reach: reachThrough(natMap, 'redis.cluster.natMap'),
  };
}

function fromClient(given: ClientOptions): Source {
  const { client, partitions } = given;
  if (isCluster(client)) {
    const { keyPrefix = '', redisOptions = {}, natMap } = client.options;
    return {
      keyPrefix,
      database: 0,
      partitions: partitionCount(partitions, 'redis.partitions'),
      create: (overrides) => new Redis({ ...redisOptions, ...overrides }),
      seeds: () => seedsOf(client),
      reach: reachThrough(natMap, 'redis.client.options.natMap'),
    };
  }
  if (typeof client !== 'object' || client === null || typeof client.duplicate !== 'function') {
    throw invalidOption('redis.client', `must be an ioredis Redis or Cluster, got ${describe(client)}`);
  }
  if (partitions !== undefined) {
    throw invalidOption('redis.partitions', 'is for a Cluster client only, got a Redis');
  }
  return standalone((overrides) => client.duplicate(overrides));
}

function standalone(create: (overrides: ConnectionOverrides) => Redis): Source {
  // ioredis reads addresses in several forms; a client that never connects tells what it made of them.
  const { keyPrefix, db } = create({ lazyConnect: true, replyMapping: 'legacy' }).options;
  const noCluster = { partitions: undefined, seeds: () => [], reach: (address: NodeAddress) => address };
  return { keyPrefix: keyPrefix ?? '', database: db ?? 0, create, ...noCluster };
}

/** @param subject where the user gave it */
function reachThrough(natMap: NatMap | undefined, subject: string): (address: NodeAddress) => NodeAddress {
  return (address) => {
    const text = addressText(address);
    const isFunction = typeof natMap === 'function';
    const mapped = (isFunction ? natMap(text) : natMap?.[text]) ?? undefined;
    if (mapped === undefined) return address;
    return toAddress(mapped, `${subject}${isFunction ? `('${text}')` : `['${text}']`}`);
  };
}

/** The nodes a cluster client knows now, and those it was given, since it may not be connected. */
function seedsOf(client: Cluster): NodeAddress[] {
  const { startupNodes = [] } = client as unknown as { startupNodes?: readonly (string | number | RedisOptions)[] };
  const given = startupNodes.flatMap((node) => {
    if (typeof node === 'number') return [{ host: '127.0.0.1', port: node }];
    if (typeof node !== 'string') return [{ host: node.host ?? '127.0.0.1', port: node.port ?? 6379 }];
    const { hostname, port } = new URL(node.includes('://') ? node : `redis://${node}`);
    return [{ host: hostname, port: port === '' ? 6379 : Number(port) }];
  });
  return [
    ...client.nodes().map(({ options }) => ({ host: String(options.host), port: Number(options.port) })),
    ...given,
  ];
}

/** By shape: the user's ioredis may be another copy than ours. */
function isCluster(client: unknown): client is Cluster {
  return (
    client instanceof Cluster ||
    (typeof client === 'object' && client !== null && 'isCluster' in client && client.isCluster === true)
  );
}

function partitionCount(partitions: number | undefined, subject: string): number {
  return wholeNumber(partitions, DEFAULT_PARTITIONS, subject, [1, 1024]);
}
