import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { sleep } from '../clock.ts';
import { FaultProxy } from '../proxy/fault-proxy.ts';
import type { Lab, RemoteAddress } from './lab.ts';
import type { LaunchedServer, Launcher } from './launcher.ts';

const ADMIN_TIMEOUT_MS = 5_000;
const SYNC_TIMEOUT_MS = 10_000;
/** A replica attaches at once instead of waiting for others. */
const REPLICATION_ARGS = ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0'];

export interface ServerLabOptions {
  readonly launch: Launcher;
  /** A Redis that somebody else runs; left out, one is started. */
  readonly url: string | undefined;
  readonly withReplica: boolean;
  readonly instances: number;
  readonly seed: number;
}

/** One Redis, a replica of it if asked for, and one proxy in front of it for each instance. */
export class ServerLab implements Lab {
  readonly proxies: readonly (readonly FaultProxy[])[];
  readonly #foreignUrl: URL | undefined;
  /** Between the primary and its replica. */
  readonly #replication: FaultProxy | undefined;
  #primary: LaunchedServer | undefined;
  #replica: LaunchedServer | undefined;

  private constructor(parts: {
    proxies: readonly (readonly FaultProxy[])[];
    foreignUrl: URL | undefined;
    primary: LaunchedServer | undefined;
    replica: LaunchedServer | undefined;
    replication: FaultProxy | undefined;
  }) {
    this.proxies = parts.proxies;
    this.#foreignUrl = parts.foreignUrl;
    this.#primary = parts.primary;
    this.#replica = parts.replica;
    this.#replication = parts.replication;
  }

  static async open({ launch, url, withReplica, instances, seed }: ServerLabOptions): Promise<ServerLab> {
    const foreignUrl = url === undefined ? undefined : new URL(url);
    const args = withReplica ? REPLICATION_ARGS : [];
    const primary = foreignUrl === undefined ? await launch({ args }) : undefined;
    const target = primary ?? { host: foreignUrl?.hostname ?? '', port: Number(foreignUrl?.port || 6379) };
    const proxies = await Promise.all(
      Array.from({ length: instances }, async (_, index) => [await FaultProxy.start({ target, seed: seed + index })]),
    );
    const replica = withReplica && primary !== undefined ? await launch({ args }) : undefined;
    const replication = replica === undefined ? undefined : await FaultProxy.start({ target });
    const lab = new ServerLab({ proxies, foreignUrl, primary, replica, replication });
    await lab.#attachReplica();
    return lab;
  }

  remoteOf(index: number): RemoteAddress {
    const url = new URL(this.#foreignUrl ?? 'redis://127.0.0.1');
    url.hostname = '127.0.0.1';
    url.port = String(this.proxies[index]?.[0]?.port);
    return { url: url.href };
  }

  async onPrimaries<T>(commands: (client: Redis) => Promise<T>): Promise<T[]> {
    return [await onServer(this.#foreignUrl?.href ?? this.#primary?.url ?? '', commands)];
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.onPrimaries((client) => client.del(...names));
  }

  base(cacheName: string): string {
    return cacheName;
  }

  /** Kills the server and starts it again after `downMs`, empty or from the RDB file it wrote last. */
  async restart(downMs: number, from: 'nothing' | 'file'): Promise<void> {
    const primary = this.#primary;
    if (primary === undefined) return;
    await primary.kill('SIGKILL');
    if (from === 'nothing' && primary.dir !== undefined) await rm(join(primary.dir, 'dump.rdb'), { force: true });
    await sleep(downMs);
    await primary.restart();
  }

  /** Makes replication lag from now on; the replica that is promoted next has not seen what follows. */
  stallReplication(): void {
    this.#replication?.hold();
  }

  /** Promotes the replica behind the same addresses; the old primary becomes its replica afterwards. */
  async failOver(downMs: number): Promise<void> {
    const [old, next] = [this.#primary, this.#replica];
    if (old === undefined || next === undefined) return;
    for (const proxy of this.proxies.flat()) {
      proxy.cut('reset', 'refused');
      proxy.retarget(next);
    }
    await onServer(next.url, (client) => client.replicaof('NO', 'ONE'));
    this.#replication?.cut('reset', 'pass');
    this.#replication?.retarget(next);
    this.#primary = next;
    this.#replica = old;
    await sleep(downMs);
    for (const proxy of this.proxies.flat()) proxy.resume();
    await this.#attachReplica();
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.proxies.flat(), this.#replication].map((proxy) => proxy?.stop()));
    await Promise.allSettled([this.#primary?.stop(), this.#replica?.stop()]);
  }

  async #attachReplica(): Promise<void> {
    const [replica, replication] = [this.#replica, this.#replication];
    if (replica === undefined || replication === undefined) return;
    replication.resume();
    await onServer(replica.url, async (client) => {
      await client.replicaof(replication.host, replication.port);
      for (let waitedMs = 0; waitedMs < SYNC_TIMEOUT_MS; waitedMs += 20) {
        if (/master_link_status:up/.test(await client.info('replication'))) return;
        await sleep(20);
      }
      throw new Error('the replica does not get in step with its primary');
    });
  }
}

async function onServer<T>(url: string, commands: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: ADMIN_TIMEOUT_MS,
    commandTimeout: ADMIN_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return await commands(client);
  } finally {
    client.disconnect();
  }
}
