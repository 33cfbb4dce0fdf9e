export type {
  ClientOptions,
  ClusterAddress,
  ClusterOptions,
  CommonRedisOptions,
  RedisRemoteOptions,
  SentinelOptions,
  UrlOptions,
} from './options.ts';
export { redis } from './redis-remote.ts';
