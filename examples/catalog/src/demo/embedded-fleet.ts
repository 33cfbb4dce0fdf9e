import { inProcess } from 'tierwise';
import { type Service, startService } from '../service.ts';
import { type Fleet, type FleetOptions, INSTANCE_NAMES } from './fleet.ts';

/** All instances and the load share one thread. */
const MAX_PER_SECOND = 250;

/** Three instances in this process whose caches share one in-process hub. */
export async function startEmbeddedFleet(options: FleetOptions): Promise<Fleet> {
  const remote = inProcess();
  const services: Service[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  };
  try {
    for (const _ of INSTANCE_NAMES) {
      services.push(await startService({ ...options, remote, host: '127.0.0.1', port: 0 }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    title: 'embedded, three caches in one process',
    instances: services.map(({ host, port }, index) => ({ name: INSTANCE_NAMES[index] as string, host, port })),
    maxPerSecond: MAX_PER_SECOND,
    died: new AbortController().signal,
    stop,
  };
}
