import { type Coordinator, type CoordinatorListener, type Store, systemClock } from 'tierwise/driver';
import { onTestFinished } from 'vitest';
import { redis } from '../../src/index.ts';
import { Names } from '../../src/names.ts';

export interface OpenPartition {
  readonly names: Names;
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
  const session = redis({ url, commandTimeout: '5s' }).open({
    cacheName,
    leaseMs: 60_000,
    logEvents,
    maxVersions,
    clock: systemClock,
    onError() {},
    onRecovered() {},
  });
  onTestFinished(() => session.close());
  const [partition] = session.partitions;
  if (partition === undefined) throw new Error('a server has one partition');
  await new Promise<void>((resolve) => {
    const listener: CoordinatorListener = { onMessage() {}, onDoubt() {}, onConnected: resolve, onDisconnected() {} };
    partition.coordinator.listen(listener);
  });
  return { names: new Names({ cacheName, keyPrefix: '', database: 0, partition: undefined }), ...partition };
}
