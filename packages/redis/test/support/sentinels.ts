import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startServer } from '../../../../scripts/servers/find.ts';
import { type Server, startRedis } from '../../../../scripts/servers/index.ts';
import { REDIS } from '../../../../scripts/servers/kinds.ts';
import type { SentinelOptions } from '../../src/index.ts';
import { until } from './until.ts';

const GROUP = 'shop-primary';
const SENTINELS = 3;
const QUORUM = 2;
const REPLICAS = 2;

/** A Redis in sentinel mode is started, probed and stopped like any other; only its file must come first. */
const SENTINEL = {
  ...REDIS,
  title: 'Redis Sentinel',
  localArgs: (port: number) => ['./sentinel.conf', '--sentinel', '--bind', '127.0.0.1', '--port', String(port)],
};

/** A primary with two replicas, watched by three Sentinels of which two must agree that it is lost. */
export class SentinelGroup implements AsyncDisposable {
  readonly servers: readonly Server[];
  readonly sentinels: readonly Server[];
  readonly #dirs: readonly string[];

  private constructor(servers: readonly Server[], sentinels: readonly Server[], dirs: readonly string[]) {
    this.servers = servers;
    this.sentinels = sentinels;
    this.#dirs = dirs;
  }

  static async start(): Promise<SentinelGroup> {
    // A primary that was replaced and does not know it yet soon refuses to write: its replicas have left it.
    const args = ['--repl-diskless-sync-delay', '0', '--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
    const servers = await Promise.all(Array.from({ length: 1 + REPLICAS }, () => startRedis({ args })));
    const [primary, ...replicas] = servers as [Server, ...Server[]];
    await Promise.all(
      replicas.map((replica) => onServer(replica, (client) => client.replicaof(primary.host, primary.port))),
    );
    const dirs = await Promise.all(
      Array.from({ length: SENTINELS }, () => mkdtemp(join(tmpdir(), 'tierwise-sentinel-'))),
    );
    const sentinels = await Promise.all(dirs.map((dir) => startSentinel(dir, primary)));
    const group = new SentinelGroup(servers, sentinels, dirs);
    await group.settled();
    return group;
  }

  get remote(): SentinelOptions {
    return { sentinels: this.sentinels.map(({ host, port }) => ({ host, port })), name: GROUP, commandTimeout: '1s' };
  }

  /** The server that all running Sentinels name. */
  async primary(): Promise<Server> {
    const [port] = await this.#named();
    const server = this.servers.find((each) => each.port === port);
    if (server === undefined) throw new Error('the Sentinels name no server of the group');
    return server;
  }

  /** Has the Sentinels put another server in the place of a living primary. */
  async failOver(): Promise<void> {
    const before = await this.primary();
    const [sentinel] = this.sentinels as [Server];
    await until('another server is primary', async () => {
      if (await this.#isReplaced(before)) return true;
      // On a busy machine it may give up what it has taken up; it refuses while it is at it.
      await onServer(sentinel, async (client) => {
        if ((await namedBy(client)) === before.port) await client.call('SENTINEL', 'FAILOVER', GROUP);
      }).catch(() => {});
      return false;
    });
  }

  /** Resolves when all Sentinels name another primary, and it is one. */
  tookOver(before: Server): Promise<void> {
    // A Sentinel that a busy machine kept from its timers does nothing for half a minute.
    return until('another server is primary', () => this.#isReplaced(before));
  }

  async #isReplaced(before: Server): Promise<boolean> {
    const ports = new Set(await this.#named());
    if (ports.size !== 1 || ports.has(before.port)) return false;
    return onServer(await this.primary(), isPrimary);
  }

  /**
   * Resolves when Sentinels know of each other and of all servers, these are in step, and no failover is under way: were the
   * new primary killed during its own, that Sentinel would wait for it for ever. Does not wait until a Sentinel tells a
   * primary of earlier that it is a replica now, which takes it ten seconds.
   */
  async settled(): Promise<void> {
    const primary = await this.primary();
    for (const server of this.servers) {
      if (server === primary) continue;
      await onServer(server, async (client) => {
        if (await isPrimary(client)) await client.replicaof(primary.host, primary.port);
      });
    }
    await until('the group has settled', async () => {
      const counts = await Promise.all(this.sentinels.map((sentinel) => onServer(sentinel, countKnown)));
      if (counts.some((count) => count !== SENTINELS - 1 + REPLICAS)) return false;
      const areAtIt = await Promise.all(this.sentinels.map((sentinel) => onServer(sentinel, isFailingOver)));
      if (areAtIt.includes(true)) return false;
      const infos = await Promise.all(
        this.servers.map((server) => onServer(server, (client) => client.info('replication'))),
      );
      return infos.filter((info) => /master_link_status:up/.test(info)).length === REPLICAS;
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.stop()));
    await Promise.all(this.#dirs.map((dir) => rm(dir, { recursive: true, force: true })));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #named(): Promise<number[]> {
    return Promise.all(this.sentinels.map((sentinel) => onServer(sentinel, namedBy)));
  }
}

/** Runs commands on a server or Sentinel. */
export async function onServer<R>(server: Server, work: (client: Redis) => Promise<R>): Promise<R> {
  const client = new Redis({
    host: server.host,
    port: server.port,
    enableReadyCheck: false,
    protocol: 2,
    commandTimeout: 5_000,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => {});
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

async function startSentinel(dir: string, primary: Server): Promise<Server> {
  const rules = [
    `sentinel monitor ${GROUP} ${primary.host} ${primary.port} ${QUORUM}`,
    `sentinel down-after-milliseconds ${GROUP} 500`,
    `sentinel failover-timeout ${GROUP} 3000`,
    `sentinel parallel-syncs ${GROUP} 2`,
  ];
  await writeFile(join(dir, 'sentinel.conf'), `${rules.join('\n')}\n`);
  return startServer(SENTINEL, { dir });
}

/** Port of the server that a Sentinel names as the primary. */
async function namedBy(client: Redis): Promise<number> {
  const [, port] = (await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', GROUP)) as [string, string];
  return Number(port);
}

async function isFailingOver(client: Redis): Promise<boolean> {
  const facts = (await client.call('SENTINEL', 'MASTER', GROUP)) as string[];
  return /failover_in_progress/.test(facts[facts.indexOf('flags') + 1] ?? '');
}

/** Other Sentinels and replicas that a Sentinel knows of. */
async function countKnown(client: Redis): Promise<number> {
  const others = (await client.call('SENTINEL', 'SENTINELS', GROUP)) as unknown[];
  const replicas = (await client.call('SENTINEL', 'REPLICAS', GROUP)) as unknown[];
  return others.length + replicas.length;
}

async function isPrimary(client: Redis): Promise<boolean> {
  return /role:master/.test(await client.info('replication'));
}
