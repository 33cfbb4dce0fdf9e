import type { Redis } from 'ioredis';

/** Processor time of the server so far, in microseconds; its network and kernel time are part of it. */
export async function serverMicros(admin: Redis): Promise<number> {
  const info = await admin.info('cpu');
  const seconds = ['used_cpu_user', 'used_cpu_sys'].map((field) =>
    Number(new RegExp(`${field}:([\\d.]+)`).exec(info)?.[1]),
  );
  return 1e6 * seconds.reduce((sum, value) => sum + value, 0);
}
