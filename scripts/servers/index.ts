/**
 * Real servers for tests, the demo and benchmarks, on any machine. Looked for in this order: an address in the
 * environment (`REDIS_URL`, `MEMCACHED_URL`); a binary on the PATH; a container; the distribution's package.
 */
import { findServer, startLocalServer, startServer } from './find.ts';
import { MEMCACHED, REDIS, SASL_MEMCACHED } from './kinds.ts';
import type { Server, StartOptions } from './server.ts';

export { orExplain, runCommand, ServerUnavailableError } from './errors.ts';
export { findFreePort } from './free-port.ts';
export { findSaslObstacle } from './sasl.ts';
export type { Server, ServerOrigin, StartOptions } from './server.ts';

/** The Redis that `REDIS_URL` names, or one started here and stopped with this process. */
export function findRedis(): Promise<Server> {
  return findServer(REDIS);
}

/** A Redis of one's own, whatever `REDIS_URL` says: for tests that kill, pause or reconfigure their server. */
export function startRedis(options?: StartOptions): Promise<Server> {
  return startServer(REDIS, options);
}

/** The Memcached that `MEMCACHED_URL` names, or one started here and stopped with this process. */
export function findMemcached(): Promise<Server> {
  return findServer(MEMCACHED);
}

/** A Memcached of one's own, whatever `MEMCACHED_URL` says. */
export function startMemcached(options?: StartOptions): Promise<Server> {
  return startServer(MEMCACHED, options);
}

/** A Memcached of one's own that reads its SASL settings from a directory, where {@link findSaslObstacle} finds none. */
export function startSaslMemcached(settings: string): Promise<Server> {
  return startLocalServer(SASL_MEMCACHED, { env: { SASL_CONF_PATH: settings } });
}
