import type { DatabaseSync } from 'node:sqlite';
import type { Tracer } from '@opentelemetry/api';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Cache } from 'tierwise';
import { CachedCatalog } from './cached-catalog.ts';
import type { Catalog } from './catalog.ts';
import { DatabaseCatalog } from './database-catalog.ts';
import { registerChangeRoutes } from './routes/changes.ts';
import { registerReadRoutes } from './routes/reads.ts';
import { Statements } from './statements.ts';
import { traceRequests } from './telemetry/request-spans.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What answers this request: the cache, or the database itself where the client asked to bypass the cache. */
    catalog: Catalog;
  }
}

/** What an app is built on; who passes it in closes it. */
export interface AppOptions {
  readonly database: DatabaseSync;
  readonly cache: Cache;
  /** Makes each request a span; left out, there are none. */
  readonly tracer?: Tracer | undefined;
}

/** What `GET /stats` answers. */
export interface AppStats {
  readonly cache: ReturnType<Cache['stats']>;
  /** Statements run because the cache did not have the answer; requests that bypass the cache are not in it. */
  readonly queries: number;
}

/**
 * The shop's HTTP API. A request with the header `x-cache: bypass` is answered from the database alone and says in
 * `x-queries` how many statements that took.
 */
export function createApp({ database, cache, tracer }: AppOptions): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  const statements = new Statements(database);
  const source = new DatabaseCatalog(statements);
  const cached = new CachedCatalog(cache, source);

  if (tracer !== undefined) traceRequests(app, tracer);
  app.decorateRequest('catalog');
  app.addHook('onRequest', async (request) => {
    request.catalog = request.headers['x-cache'] === 'bypass' ? new DatabaseCatalog(statements) : cached;
  });
  app.addHook('onSend', async ({ catalog }, reply) => {
    if (catalog instanceof DatabaseCatalog) reply.header('x-queries', catalog.queries);
  });

  registerReadRoutes(app);
  registerChangeRoutes(app, database, cached);
  app.get('/health', async () => ({ status: 'ok', cache: cache.health() }));
  app.get('/stats', async (): Promise<AppStats> => ({ cache: cache.stats(), queries: source.queries }));
  return app;
}
