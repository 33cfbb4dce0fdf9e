import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { findBinary } from '../servers/binary.ts';
import { findFreePort, type Server, startMemcached, startRedis } from '../servers/index.ts';
import { type Child, startChild } from './child.ts';

const ROOT = new URL('../../', import.meta.url);
const COMPOSE = fileURLToPath(new URL('docker/compose.yaml', ROOT));
const REDIS_CONFIG = fileURLToPath(new URL('docker/redis/redis.conf', ROOT));
const SERVER = fileURLToPath(new URL('examples/catalog/src/server.ts', ROOT));
const READY_TIMEOUT_MS = 60_000;

/** One running instance of the catalog. */
export interface ShopInstance {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Where Prometheus asks. */
  readonly metricsAddress: string;
}

/** Three instances of the catalog, set up by the environment that docker/compose.yaml gives its containers. */
export interface Shop {
  readonly instances: readonly ShopInstance[];
  readonly redis: Server;
  /** Where Prometheus asks about Redis; `undefined` without an exporter on this machine. */
  readonly redisMetricsAddress: string | undefined;
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

/** The environment of every container of the catalog, by name of its service. */
export function readCatalogEnvironments(): Readonly<Record<string, Environment>> {
  const { services } = parse(readFileSync(COMPOSE, 'utf8'), { merge: true }) as {
    services: Readonly<Record<string, { environment?: Environment }>>;
  };
  const catalog = Object.entries(services).filter(([name]) => /^catalog-\w+$/.test(name));
  return Object.fromEntries(catalog.map(([name, { environment = {} }]) => [name, environment]));
}

/** Starts Redis with the configuration of docker/redis, its exporter if there is one, a Memcached, and the instances. */
export async function startShop(overrides: Environment = {}): Promise<Shop> {
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const each of started.splice(0).reverse()) await each.stop();
  };
  try {
    const redis = await startRedis({ args: redisArgs() });
    started.push(redis);
    const memcached = await startMemcached();
    started.push(memcached);
    const dir = mkdtempSync(join(tmpdir(), 'tierwise-shop-'));
    started.push({ stop: async () => rmSync(dir, { recursive: true, force: true }) });
    const redisMetricsAddress = await startExporter(redis, started);
    const databaseFile = join(dir, 'shop.db');
    const instances: ShopInstance[] = [];
    for (const [name, environment] of Object.entries(readCatalogEnvironments())) {
      const env = {
        ...environment,
        DATABASE_FILE: databaseFile,
        REDIS_URL: redis.url,
        MEMCACHED_SERVERS: `${memcached.host}:${memcached.port}`,
        HOST: '127.0.0.1',
        ...overrides,
      };
      instances.push(await startInstance(name, env, started));
    }
    return { instances, redis, redisMetricsAddress, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Every line of redis.conf as an argument: a server that is started here takes no file. */
function redisArgs(): string[] {
  const lines = readFileSync(REDIS_CONFIG, 'utf8').split('\n');
  return lines
    .filter((line) => /^[a-z]/.test(line))
    .flatMap((line) => {
      const [name = '', ...values] = line.split(/\s+/);
      return [`--${name}`, ...values.map((value) => value.replaceAll('"', ''))];
    });
}

async function startExporter(redis: Server, started: { stop(): Promise<void> }[]): Promise<string | undefined> {
  const binary = await findBinary(['redis_exporter', 'prometheus-redis-exporter']);
  if (binary === undefined) return undefined;
  const address = `127.0.0.1:${await findFreePort()}`;
  const exporter = startChild('The Redis exporter', binary, [
    '--redis.addr',
    redis.url,
    '--web.listen-address',
    address,
  ]);
  started.push(exporter);
  await exporter.untilReady(`http://${address}/metrics`, READY_TIMEOUT_MS);
  return address;
}

async function startInstance(name: string, environment: Environment, started: Child[] | { stop(): Promise<void> }[]) {
  const [port, metricsPort] = [await findFreePort(), await findFreePort()];
  const child = startChild(
    name,
    process.execPath,
    ['--conditions=@tierwise/source', '--disable-warning=ExperimentalWarning', SERVER],
    {
      ...environment,
      PORT: String(port),
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    },
  );
  (started as { stop(): Promise<void> }[]).push(child);
  await child.untilReady(`http://127.0.0.1:${port}/health`, READY_TIMEOUT_MS);
  return { name, host: '127.0.0.1', port, metricsAddress: `127.0.0.1:${metricsPort}` };
}
