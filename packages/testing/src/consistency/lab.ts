import type { ClusterOptions, UrlOptions } from '@tierwise/redis';
import type { Redis } from 'ioredis';
import type { FaultProxy } from '../proxy/fault-proxy.ts';

/** Where an instance finds its Redis; can be sent to another process. */
export type RemoteAddress = Pick<UrlOptions, 'url'> | Pick<ClusterOptions, 'cluster'>;

/** What a run is made on: one Redis or several, and proxies in front of them for each instance. */
export interface Lab {
  /** For each instance, one proxy for each server. */
  readonly proxies: readonly (readonly FaultProxy[])[];
  /** The address for instance `index`, through its proxies. */
  remoteOf(index: number): RemoteAddress;
  /** Runs commands on each server that takes writes, past the proxies. */
  onPrimaries<T>(commands: (client: Redis) => Promise<T>): Promise<T[]>;
  /** What the names of all keys of a cache begin with; on a cluster those of one of its partitions. */
  base(cacheName: string): string;
  /** Deletes keys of one base. */
  remove(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
