import { openInstance } from './instances.ts';
import { Recording } from './recording.ts';

/** An instance whose spans so far are forgotten. */
export async function openRecorded(options: Parameters<typeof openInstance>[0] = {}) {
  const telemetry = new Recording();
  const instance = await openInstance({ ...options, telemetry });
  telemetry.clear();
  return { ...instance, telemetry };
}
