import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRedis, type Server } from '../../../../scripts/servers/index.ts';
import { STALENESS_BOUND_MS } from '../cache.ts';
import { generateShop } from '../seed.ts';
import { startEmbeddedFleet } from './embedded-fleet.ts';
import type { Fleet } from './fleet.ts';
import { LoadGenerator } from './load-generator.ts';
import type { DemoOptions } from './options.ts';
import { startProcessFleet } from './process-fleet.ts';
import { removeCacheKeys } from './redis-keys.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { summarise } from './summary.ts';
import type { Teardown } from './teardown.ts';

const COHERENT_TIMEOUT_MS = 10_000;

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
  const scene = await setScene(options, teardown);
  const load = new LoadGenerator(scene.fleet, options.seed, scene.fleet.died);
  teardown.defer(() => load.close());
  await load.waitUntilCoherent(COHERENT_TIMEOUT_MS);

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
  await generate(load, reporter, options.seconds);

  const failures = failuresOf(load, scene);
  for (const failure of failures) console.error(failure);
  return failures.length === 0 ? 0 : 1;
}

async function setScene({ embedded, seed }: DemoOptions, teardown: Teardown): Promise<Scene> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'tierwise-catalog-'));
  teardown.defer(() => rmSync(scratchDir, { recursive: true, force: true }));
  const databaseFile = join(scratchDir, 'shop.db');
  generateShop(databaseFile, seed);

  // A name of its own: a Redis that was there before may hold entries of another run with another shop.
  const cacheName = `catalog-demo-${process.pid}-${Date.now().toString(36)}`;
  if (embedded) {
    const fleet = await startEmbeddedFleet({ databaseFile, cacheName });
    teardown.defer(() => fleet.stop());
    return { fleet, redis: undefined };
  }
  const redis = await findRedis();
  teardown.defer(() => redis.stop());
  if (redis.origin === 'env') teardown.defer(() => removeCacheKeys(redis.url, cacheName));
  const fleet = await startProcessFleet({ databaseFile, cacheName, scratchDir, redisUrl: redis.url });
  teardown.defer(() => fleet.stop());
  return { fleet, redis };
}

/** Runs the load to its end and shows how it goes. */
async function generate(load: LoadGenerator, reporter: Reporter, seconds: number): Promise<void> {
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
  reporter.finish(summarise(load.measurements, tookSeconds));
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
