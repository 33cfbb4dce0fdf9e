import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { PlainLayer, Remote } from 'tierwise';
import { createApp } from './app.ts';
import { createCatalogCache } from './cache.ts';
import { openDatabase } from './database.ts';
import { generateShop } from './seed.ts';
import type { RunningTelemetry } from './telemetry/telemetry.ts';

/** Where a service listens and what it works on. */
export interface ServiceOptions {
  /** SQLite file of the shop; generated if it does not exist. */
  readonly databaseFile: string;
  /** What the caches of all instances share. */
  readonly remote: Remote;
  /** Another layer, for simple keys. */
  readonly simple?: PlainLayer;
  /** Name of the cache, the same on all instances. */
  readonly cacheName: string;
  /** Told of requests and of the cache's work; closed by whoever started it. */
  readonly telemetry?: RunningTelemetry | undefined;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** A running instance of the shop. */
export interface Service {
  readonly host: string;
  readonly port: number;
  /** Stops listening, then closes cache and database. */
  close(): Promise<void>;
}

/** Starts one instance of the shop and resolves when it accepts requests. Without Redis the database answers. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { databaseFile, telemetry, host, port } = options;
  if (!existsSync(databaseFile)) generateShop(databaseFile);
  const database = openDatabase(databaseFile);
  const cache = createCatalogCache(options.cacheName, options.remote, telemetry?.ofCache, options.simple);
  const app = createApp({ database, cache, tracer: telemetry?.tracer });

  const close = async (): Promise<void> => {
    await app.close();
    await cache.close();
    database.close();
  };
  try {
    await cache.ready();
    const listening: Promise<string> = app.listen({ host, port });
    await listening;
  } catch (error) {
    await close();
    throw error;
  }
  return { host, port: (app.server.address() as AddressInfo).port, close };
}
