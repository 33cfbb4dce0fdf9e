import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRedis, type Server } from '../../../../scripts/servers/index.ts';
import { STALENESS_BOUND_MS } from '../cache.ts';
import { generateShop } from '../seed.ts';
import { otlpEndpoint } from '../telemetry/settings.ts';
import { startEmbeddedFleet } from './embedded-fleet.ts';
import type { Fleet } from './fleet.ts';
import { LoadGenerator } from './load-generator.ts';
import type { DemoOptions } from './options.ts';
import { startProcessFleet } from './process-fleet.ts';
import { removeCacheKeys } from './redis-keys.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { summarise } from './summary.ts';
import type { Teardown } from './teardown.ts';
import { type ShownTraces, takeTour, tourLines, whyNotListening } from './tour.ts';

const CACHE_NAME = 'catalog';
const COHERENT_TIMEOUT_MS = 10_000;
const FLUSH_TIMEOUT_MS = 5000;

/** What a run works on. */
interface Scene {
  readonly fleet: Fleet;
  /** Absent when embedded. */
  readonly redis: Server | undefined;
}

/** Sets the scene, generates the load and reports. Resolves to the exit code; what is to be undone goes to `teardown`. */
export async function runDemo(options: DemoOptions, teardown: Teardown): Promise<number> {
  if (!options.json)
    console.log(options.embedded ? 'Starting three instances …' : 'Starting Redis and three instances …');
  const tracesTo = options.traces ? await findReceiver() : undefined;
  const scene = await setScene(options, tracesTo, teardown);
  const load = new LoadGenerator(scene.fleet, options.seed, scene.fleet.died);
  teardown.defer(() => load.close());
  await load.waitUntilCoherent(COHERENT_TIMEOUT_MS);
  const shown = tracesTo === undefined ? undefined : await takeTour(scene.fleet.instances, tracesTo);

  const reporter = createReporter(
    {
      title: scene.fleet.title,
      totalSeconds: options.seconds,
      sharedLayer: options.embedded ? 'hub' : 'redis',
    },
    process.stdout,
    options.json,
  );
  teardown.defer(() => reporter.close());
  await generate(load, reporter, options.seconds, shown);
  if (shown !== undefined) await flushTraces(scene.fleet);
  if (shown !== undefined && !options.json) console.log(['', ...tourLines(shown)].join('\n'));

  const failures = failuresOf(load, scene);
  for (const failure of failures) console.error(failure);
  return failures.length === 0 ? 0 : 1;
}

/** Where traces can be sent; tells why they cannot. */
async function findReceiver(): Promise<string | undefined> {
  const endpoint = otlpEndpoint(process.env);
  const obstacle = await whyNotListening(endpoint);
  if (obstacle === undefined) return endpoint;
  console.error(obstacle);
  return undefined;
}

/** Has every instance send what it has left; one that died or hangs is not waited for. */
async function flushTraces({ instances }: Fleet): Promise<void> {
  const flushed = Promise.allSettled(instances.map((instance) => instance.tracesLinkedTo('')));
  await Promise.race([flushed, sleep(FLUSH_TIMEOUT_MS, undefined, { ref: false })]);
}

async function setScene(
  { embedded, seed }: DemoOptions,
  tracesTo: string | undefined,
  teardown: Teardown,
): Promise<Scene> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'tierwise-catalog-'));
  teardown.defer(() => rmSync(scratchDir, { recursive: true, force: true }));
  const databaseFile = join(scratchDir, 'shop.db');
  generateShop(databaseFile, seed);

  if (embedded) {
    const fleet = await startEmbeddedFleet({ databaseFile, cacheName: CACHE_NAME, tracesTo });
    teardown.defer(() => fleet.stop());
    return { fleet, redis: undefined };
  }
  const redis = await findRedis();
  teardown.defer(() => redis.stop());
  // A name of its own: a Redis that was there before may hold entries of another run with another shop.
  const isForeign = redis.origin === 'env';
  const cacheName = isForeign ? `${CACHE_NAME}-demo-${process.pid}-${Date.now().toString(36)}` : CACHE_NAME;
  if (isForeign) teardown.defer(() => removeCacheKeys(redis.url, cacheName));
  const fleet = await startProcessFleet({ databaseFile, cacheName, scratchDir, redisUrl: redis.url, tracesTo });
  teardown.defer(() => fleet.stop());
  return { fleet, redis };
}

/** Runs the load to its end and shows how it goes. */
async function generate(
  load: LoadGenerator,
  reporter: Reporter,
  seconds: number,
  traces: ShownTraces | undefined,
): Promise<void> {
  const startMs = performance.now();
  const elapsed = (): number => (performance.now() - startMs) / 1000;
  const running = load.run(seconds);
  const finished = running.then(() => true);
  while (!(await Promise.race([finished, sleep(reporter.everyMs, false)]))) {
    await load.refreshStats();
    reporter.progress(summarise(load.measurements, elapsed()));
  }
  const tookSeconds = elapsed();
  await load.refreshStats();
  const summary = summarise(load.measurements, tookSeconds);
  reporter.finish(traces === undefined ? summary : { ...summary, traces });
}

function failuresOf({ measurements }: LoadGenerator, { fleet, redis }: Scene): string[] {
  const failures: string[] = [];
  if (fleet.died.aborted) failures.push(`Failed: ${fleet.died.reason}`);
  if (redis !== undefined && redis.origin !== 'env' && redis.origin !== 'container' && redis.pid === undefined) {
    failures.push('Failed: Redis ended during the run');
  }
  for (const { name, oldestStaleMs } of measurements.instances) {
    if (oldestStaleMs <= STALENESS_BOUND_MS) continue;
    failures.push(`Failed: instance ${name} gave an answer ${Math.round(oldestStaleMs)} ms stale, over the bound`);
  }
  if (measurements.failed > 0) {
    failures.push(`Failed: ${measurements.failed} requests, the first with ${measurements.firstFailure}`);
  }
  return failures;
}
