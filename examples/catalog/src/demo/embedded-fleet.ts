import { inProcess } from 'tierwise';
import { type Service, startService } from '../service.ts';
import { type Fleet, type FleetOptions, INSTANCE_NAMES, type Instance } from './fleet.ts';
import { startInstanceTelemetry } from './instance-telemetry.ts';

/** All instances and the load share one thread. */
const MAX_PER_SECOND = 250;

/** Three instances in this process whose caches share one in-process hub. */
export async function startEmbeddedFleet(options: FleetOptions): Promise<Fleet> {
  const remote = inProcess();
  const services: Service[] = [];
  const instances: Instance[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  };
  try {
    for (const name of INSTANCE_NAMES) {
      const { telemetry, tracesLinkedTo } = await startInstanceTelemetry(name, options.tracesTo);
      const service = await startService({ ...options, remote, host: '127.0.0.1', port: 0, telemetry });
      services.push(service);
      instances.push({ name, host: service.host, port: service.port, tracesLinkedTo });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    title: 'embedded, three caches in one process',
    instances,
    maxPerSecond: MAX_PER_SECOND,
    died: new AbortController().signal,
    stop,
  };
}
