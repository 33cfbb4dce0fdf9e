/**
 * How often Memcached loses entries that were good, because an event on another key of their bucket gave them another
 * name: one instance without memory reads some keys over and over, another one deletes other keys, and what the first one
 * loads again is counted. Real servers, real time. Its result is quoted by `docs/guides/memcached.md`:
 *
 *   npm run false-invalidations --workspace benchmarks -- [--seconds 60] [--json results/false-invalidations.json]
 *   npm run bench:report
 */
import { writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { memcached } from '@tierwise/memcached';
import { redis } from '@tierwise/redis';
import { type Cache, createCache } from 'tierwise';
import { FENCE_SLOTS } from 'tierwise/driver';
import { runCommand, type Server, startMemcached, startRedis } from '../../scripts/servers/index.ts';
import { expectedAMinute, type FalseInvalidations, type MeasuredRow, measuredAMinute } from './bucket-arithmetic.ts';
import { currentLoad, describeMachine } from './machine.ts';
import { serverVersions } from './server-versions.ts';

/** Events a second and keys that are read. */
const CASES = [
  [10, 10_000],
  [100, 2_000],
  [100, 10_000],
  [1_000, 10_000],
] as const;
const READS_AT_ONCE = 100;
/** A key comes round often enough, and the machine has time for the rest. */
const READ_PAUSE_MS = 5;
const BEAT_MS = 20;
const DEFAULT_SECONDS = 60;
/** Loads have ended by then, and what they brought is stored. */
const SETTLE_MS = 500;
const VALUE = 'x'.repeat(100);

await runCommand(async () => {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, json: { type: 'string' } } });
  const seconds = Number(values.seconds ?? DEFAULT_SECONDS);
  if (!(seconds > 0)) {
    console.error('--seconds takes a number above 0.');
    return 2;
  }
  await using authority = await startRedis();
  const loadAtStart = currentLoad();
  const startedAt = new Date().toISOString();
  const rows: MeasuredRow[] = [];
  await using server = await startMemcached();
  for (const [rate, keys] of CASES) {
    const row = await measure(authority, server, rate, keys, seconds);
    rows.push(row);
    console.log(
      `${rate} events/s, ${keys} keys, ${seconds} s: ${row.events} events, ${row.loads} loads again, ${row.unproved} for want of ` +
        `proof; a minute ${Math.round(measuredAMinute(row))}, computed ${Math.round(expectedAMinute(row.events / seconds, keys, FENCE_SLOTS))}`,
    );
  }
  const machine = describeMachine(await serverVersions(authority, server), loadAtStart);
  const result: FalseInvalidations = { machine, startedAt, buckets: FENCE_SLOTS, rows };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
  return 0;
});

async function open(name: string, authority: Server, server: Server): Promise<Cache> {
  const cache = createCache({
    name,
    ttl: '1h',
    memory: { maxEntries: 1 },
    stores: {
      redis: redis({ url: authority.url }),
      simple: memcached({ servers: `${server.host}:${server.port}` }),
    },
    store: 'simple',
  });
  await cache.ready();
  return cache;
}

async function measure(
  authority: Server,
  server: Server,
  rate: number,
  keys: number,
  seconds: number,
): Promise<MeasuredRow> {
  const name = `false-${rate}-${keys}`;
  await using reader = await open(name, authority, server);
  await using writer = await open(name, authority, server);
  let loads = 0;
  const readAll = async (): Promise<void> => {
    for (let at = 0; at < keys; at += READS_AT_ONCE) {
      const batch = Array.from({ length: Math.min(READS_AT_ONCE, keys - at) }, (_, i) =>
        reader.getOrSet(`read:${at + i}`, () => {
          loads++;
          return VALUE;
        }),
      );
      await Promise.all(batch);
      await setTimeout(READ_PAUSE_MS);
    }
  };
  await readAll();
  await setTimeout(SETTLE_MS);
  // Nothing is lost yet: what is counted below comes from events.
  const loadsAtFirst = loads;
  await readAll();
  if (loads !== loadsAtFirst)
    throw new Error(`${loads - loadsAtFirst} of ${keys} keys were not found right after they were stored`);
  const unprovedBefore = reader.stats().remote.unproved;
  const writing = writeFor(writer, rate, seconds);
  let isWriting = true;
  void writing.finally(() => {
    isWriting = false;
  });
  while (isWriting) await readAll();
  const events = await writing;
  await readAll();
  return {
    eventsPerSecond: rate,
    keys,
    seconds,
    events,
    loads: loads - loadsAtFirst,
    unproved: reader.stats().remote.unproved - unprovedBefore,
  };
}

/** Deletes a key that nobody reads `rate` times a second, each by itself, and answers how many that were. */
async function writeFor(writer: Cache, rate: number, seconds: number): Promise<number> {
  const beganMs = performance.now();
  let events = 0;
  for (;;) {
    const elapsedMs = performance.now() - beganMs;
    const due = Math.floor((Math.min(elapsedMs, seconds * 1_000) * rate) / 1_000);
    // One after the other: those of one tick would be one event.
    while (events < due) await writer.delete(`written:${events++}`);
    if (elapsedMs >= seconds * 1_000) return events;
    await setTimeout(BEAT_MS);
  }
}
