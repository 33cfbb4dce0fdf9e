import { Redis } from 'ioredis';
import { type Coordinator, type CoordinatorListener, type Store, systemClock } from 'tierwise/driver';
import { onTestFinished } from 'vitest';
import { Names } from '../../src/names.ts';
import { type LinkRole, PartitionLinks } from '../../src/partition-links.ts';
import { RedisCoordinator } from '../../src/redis-coordinator.ts';
import { RedisStore } from '../../src/redis-store.ts';
import { until } from './until.ts';

const DEAF: CoordinatorListener = { onMessage() {}, onDoubt() {}, onConnected() {}, onDisconnected() {} };

export interface OpenPartition {
  readonly names: Names;
  readonly links: PartitionLinks;
  readonly coordinator: Coordinator;
  readonly store: Store;
}

/** One partition of the Redis remote without an engine above it, connected, closed with the test. */
export async function openRedisPartition(
  url: string,
  cacheName: string,
  options: { readonly logEvents?: number; readonly maxVersions?: number } = {},
): Promise<OpenPartition> {
  const { logEvents = 10_000, maxVersions = 8_192 } = options;
  const names = new Names({ cacheName, keyPrefix: '', database: 0, partition: undefined });
  const links = new PartitionLinks({
    names,
    database: 0,
    clock: systemClock,
    deadlineMs: 5_000,
    tailDeadlineMs: 5_000,
    pingMs: 60_000,
    isSharded: false,
    create: (role: LinkRole) =>
      new Redis(url, {
        connectionName: `tierwise:${cacheName}:${role}`,
        replyMapping: 'legacy',
        lazyConnect: true,
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
        retryStrategy: () => null,
      }),
    onError() {},
  });
  onTestFinished(() => links.close());
  const coordinator = new RedisCoordinator({ links, logEvents, maxVersions });
  coordinator.listen(DEAF);
  await until('the links are up', () => links.commands.isUp && links.tail.isUp && links.bus.isUp);
  return { names, links, coordinator, store: new RedisStore({ links, logEvents }) };
}
