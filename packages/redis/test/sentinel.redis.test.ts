import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../../../scripts/servers/find.ts';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { REDIS } from '../../../scripts/servers/kinds.ts';
import { openCache, uniqueName } from './support/caches.ts';
import { eventually, until } from './support/until.ts';

const GROUP = 'shop-primary';

/** A Redis in sentinel mode is started, probed and stopped like any other; only its file must come first. */
const SENTINEL = {
  ...REDIS,
  title: 'Redis Sentinel',
  localArgs: (port: number) => ['./sentinel.conf', '--sentinel', '--bind', '127.0.0.1', '--port', String(port)],
};

let dir: string;
let primary: Server;
let replica: Server;
let sentinel: Server;

beforeAll(async () => {
  const args = ['--repl-diskless-sync-delay', '0'];
  [primary, replica] = await Promise.all([startRedis({ args }), startRedis({ args })]);
  await withClient(replica, (client) => client.replicaof(primary.host, primary.port));
  const replication = (): Promise<string> => withClient(replica, (client) => client.info('replication'));
  await until('the replica follows', async () => /link_status:up/.test(await replication()));
  dir = await mkdtemp(join(tmpdir(), 'tierwise-sentinel-'));
  const rules = [
    `sentinel monitor ${GROUP} ${primary.host} ${primary.port} 1`,
    `sentinel down-after-milliseconds ${GROUP} 500`,
    `sentinel failover-timeout ${GROUP} 2000`,
  ];
  await writeFile(join(dir, 'sentinel.conf'), `${rules.join('\n')}\n`);
  sentinel = await startServer(SENTINEL, { dir });
  const replicas = (client: Redis) => client.call('SENTINEL', 'REPLICAS', GROUP) as Promise<unknown[]>;
  await until('the sentinel knows both', async () => (await withClient(sentinel, replicas)).length === 1);
});

afterAll(async () => {
  await Promise.all([sentinel, primary, replica].map((server) => server?.stop()));
  await rm(dir, { recursive: true, force: true });
});

async function withClient<R>(server: Server, work: (client: Redis) => Promise<R>): Promise<R> {
  const client = new Redis({ host: server.host, port: server.port, enableReadyCheck: false, protocol: 2 });
  client.on('error', () => {});
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

test('a failover is followed: the cache starts cold on the new primary, and nothing older is served', async () => {
  const name = uniqueName();
  const remote = { sentinels: [{ host: sentinel.host, port: sentinel.port }], name: GROUP };
  const options = { name, coherence: { lease: '400ms' } } as const;
  const [one, two] = [openCache(options, remote), openCache(options, remote)];
  expect((await one.ready()).state).toBe('coherent');
  expect((await one.set('k', 'old')).stored).toBe(true);
  expect(await two.get('k')).toBe('old');
  await eventually(() => withClient(replica, (client) => client.exists(`${name}:k`))).toBe(1);

  await primary.kill();
  expect(await one.delete('k')).toEqual({ delivered: false });
  await eventually(() => one.health().state).toBe('offline');
  expect(await one.getOrSet('k', () => 'new')).toBe('new');

  await eventually(() => [one.health(), two.health()]).toMatchObject([
    { state: 'coherent', journaled: 0 },
    { state: 'coherent', journaled: 0 },
  ]);
  expect(await two.get('k')).not.toBe('old');
  await eventually(async () => (await two.set('k', 'newer')).stored).toBe(true);
  await eventually(() => one.get('k')).toBe('newer');
  expect(await withClient(replica, (client) => client.role())).toContain('master');
});
