import { rmSync } from 'node:fs';
import { redis } from '@tierwise/redis';
import { startService } from '../service.ts';
import { startInstanceTelemetry } from './instance-telemetry.ts';
import type { InstanceSpec, LinkedAnswer, LinkedQuestion } from './process-fleet.ts';

/**
 * One instance of the demo in a process of its own. It lives as long as the channel to its parent, which the kernel
 * closes however the parent ends, and then removes the run's files, which the parent may no longer be able to do.
 */
async function runInstance(spec: InstanceSpec): Promise<void> {
  process.on('disconnect', () => {
    rmSync(spec.scratchDir, { recursive: true, force: true });
    process.exit(0);
  });
  // Ctrl-C reaches the whole process group; only the parent decides when an instance ends.
  process.on('SIGINT', () => {});

  const { telemetry, tracesLinkedTo } = await startInstanceTelemetry(spec.name, spec.tracesTo);
  process.on('message', async ({ traceId }: LinkedQuestion) => {
    const answer: LinkedAnswer = { linked: await tracesLinkedTo(traceId) };
    process.send?.(answer);
  });

  const { host, port } = await startService({
    databaseFile: spec.databaseFile,
    cacheName: spec.cacheName,
    remote: redis({ url: spec.redisUrl }),
    host: '127.0.0.1',
    port: 0,
    telemetry,
  });
  process.send?.({ host, port });
}

await runInstance(JSON.parse(process.argv[2] ?? '{}') as InstanceSpec);
