import { memcached } from '@tierwise/memcached';
import { redis } from '@tierwise/redis';
import { startService } from './service.ts';
import { settingsFrom } from './telemetry/settings.ts';
import { startTelemetry } from './telemetry/telemetry.ts';

const { env } = process;
const servers = env['MEMCACHED_SERVERS'];

const telemetry = await startTelemetry(settingsFrom(env));
const service = await startService({
  databaseFile: env['DATABASE_FILE'] ?? 'shop.db',
  remote: redis({ url: env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' }),
  ...(servers !== undefined && servers !== '' && { simple: memcached({ servers }) }),
  cacheName: env['CACHE_NAME'] ?? 'catalog',
  host: env['HOST'] ?? '127.0.0.1',
  port: Number(env['PORT'] ?? 3000),
  telemetry,
});
console.log(`shop on http://${service.host}:${service.port}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void service.close().finally(() => telemetry?.close()));
}
