/**
 * What coherence costs a Redis and its network: the processor time of a tail and of an event, the processor time and the
 * bytes of each message that goes out. The figures of `docs/internals/measurements.md`; run it again where they matter.
 *
 *   npm run broadcast --workspace benchmarks
 */
import { redis } from '@tierwise/redis';
import { Redis } from 'ioredis';
import { createCache } from 'tierwise';
import { type RemotePartition, systemClock } from 'tierwise/driver';
import { runCommand, startRedis } from '../../scripts/servers/index.ts';
import { serverMicros } from './server-time.ts';

const TAILS = 20_000;
/** Tails of one instance, by its shortest lease: thirty a second. */
const INSTANCE_MS = 5_000;
/** Tails under way at once: each comes alone in its packet, as those of many instances do. */
const CONNECTIONS = 50;
const EVENTS = 1_000;
const SUBSCRIBERS = [0, 100, 1_000, 4_000] as const;
const KEYS_OF_AN_EVENT = [1, 10, 100] as const;
const CACHE = 'shop';

await runCommand(async () => {
  const server = await startRedis();
  const admin = new Redis(server.url);
  try {
    await measureTails(server.url, admin);
    await measureEvents(server.url, admin);
    await measureBytes(server.url, admin);
    await measureInstance(server.url);
  } finally {
    admin.disconnect();
    await server.stop();
  }
  return 0;
});

async function openPartition(url: string): Promise<{ partition: RemotePartition; close(): Promise<void> }> {
  const session = redis({ url, commandTimeout: '10s' }).open({
    cacheName: CACHE,
    leaseMs: 600_000,
    logEvents: 10_000,
    maxVersions: 8_192,
    clock: systemClock,
    onError() {},
    onRecovered() {},
  });
  const [partition] = session.partitions;
  if (partition === undefined) throw new Error('a server has one partition');
  await new Promise<void>((resolve) => {
    partition.coordinator.listen({ onMessage() {}, onDoubt() {}, onConnected: resolve, onDisconnected() {} });
  });
  return { partition, close: () => session.close() };
}

async function measureTails(url: string, admin: Redis): Promise<void> {
  const opened = await Promise.all(Array.from({ length: CONNECTIONS }, () => openPartition(url)));
  const before = await serverMicros(admin);
  const beganMs = performance.now();
  await Promise.all(
    opened.map(async ({ partition: { coordinator } }, index) => {
      const member = { id: `member-${index}-of-many-instances`, leaseMs: 600_000 };
      let { epoch, seq } = await coordinator.tail({ member, epoch: undefined, applied: 0 });
      for (let i = 0; i < TAILS / CONNECTIONS; i++) {
        ({ epoch, seq } = await coordinator.tail({ member, epoch, applied: seq }));
      }
    }),
  );
  const micros = (await serverMicros(admin)) - before;
  const perSecond = (1_000 * TAILS) / (performance.now() - beganMs);
  console.log(
    `tail without news: ${(micros / TAILS).toFixed(1)} µs of the server, ${perSecond.toFixed(0)} a second here`,
  );
  await Promise.all(opened.map(({ close }) => close()));
}

async function measureEvents(url: string, admin: Redis): Promise<void> {
  const cache = createCache({ name: CACHE, ttl: '5m', memory: { maxEntries: 10 }, remote: redis({ url }) });
  await cache.ready();
  let alone = 0;
  for (const count of SUBSCRIBERS) {
    const subscribers = await subscribe(url, count);
    const before = await serverMicros(admin);
    for (let i = 0; i < EVENTS; i++) await cache.delete(`user:${i}`);
    const micros = ((await serverMicros(admin)) - before) / EVENTS;
    if (count === 0) alone = micros;
    const each = count === 0 ? '' : `, ${((micros - alone) / count).toFixed(2)} µs for each message`;
    console.log(`event of one key, ${1 + count} subscribers: ${micros.toFixed(1)} µs of the server${each}`);
    for (const subscriber of subscribers) subscriber.disconnect();
  }
  await cache.close();
}

async function subscribe(url: string, count: number): Promise<Redis[]> {
  const subscribers = Array.from({ length: count }, () => new Redis(url));
  await Promise.all(subscribers.map((subscriber) => subscriber.subscribe(`${CACHE}#bus:0`)));
  return subscribers;
}

/** Processor time of this process for one tail of its own, with the waking up for it. */
async function measureInstance(url: string): Promise<void> {
  const cache = createCache({
    name: 'instance',
    ttl: '5m',
    memory: { maxEntries: 10 },
    remote: redis({ url }),
    coherence: { lease: '100ms' },
  });
  await cache.ready();
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, INSTANCE_MS));
  const { user, system } = process.cpuUsage(before);
  const tails = (INSTANCE_MS * 3) / 100;
  console.log(`tail without news: ${((user + system) / tails).toFixed(0)} µs of the instance`);
  await cache.close();
}

/** Bytes that one more subscriber costs, from what the server says it has sent. */
async function measureBytes(url: string, admin: Redis): Promise<void> {
  const cache = createCache({ name: CACHE, ttl: '5m', memory: { maxEntries: 10 }, remote: redis({ url }) });
  await cache.ready();
  const sentBytes = async (): Promise<number> =>
    Number(/total_net_output_bytes:(\d+)/.exec(await admin.info('stats'))?.[1]);
  for (const keys of KEYS_OF_AN_EVENT) {
    const events = Math.ceil(EVENTS / keys);
    const totals: number[] = [];
    for (const count of [0, 100]) {
      const subscribers = await subscribe(url, count);
      const before = await sentBytes();
      for (let i = 0; i < events; i++) {
        await cache.deleteMany(Array.from({ length: keys }, (_, key) => `user:${100_000 + i * keys + key}`));
      }
      totals.push((await sentBytes()) - before);
      for (const subscriber of subscribers) subscriber.disconnect();
    }
    const [alone = 0, many = 0] = totals;
    const bytes = (many - alone) / (100 * events);
    console.log(`message of ${keys} keys such as user:100000: ${bytes.toFixed(0)} bytes`);
  }
  await cache.close();
}
