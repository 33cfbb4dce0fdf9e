import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCache } from 'tierwise';
import { beforeAll, expect, test } from 'vitest';
import {
  findSaslObstacle,
  type Server,
  ServerUnavailableError,
  startRedis,
  startSaslMemcached,
} from '../../../scripts/servers/index.ts';
import { redis } from '../../redis/src/index.ts';
import { memcached } from '../src/index.ts';
import { item, open, readTexts, writeCodes } from './support/plain-store.ts';

/** Made by `saslpasswd2 -c -a memcached -u tierwise -f sasldb2 ada`; that program need not be there. */
const USERS = fileURLToPath(new URL('fixtures/sasldb2', import.meta.url));
const ADA = { username: 'ada@tierwise', password: 'a secret: word' };
const names = Array.from({ length: 50 }, (_, i) => `name:${i}`);

const obstacle = await findSaslObstacle();

let server: Server;

const serversOf = (): string => `127.0.0.1:${server.port}`;

/** Answers the directory that has them. */
async function writeSettings(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tierwise-sasl-'));
  // Started as root, the server becomes somebody else before it reads them.
  await chmod(directory, 0o755);
  await copyFile(USERS, join(directory, 'sasldb2'));
  await chmod(join(directory, 'sasldb2'), 0o644);
  const settings = ['mech_list: plain', 'pwcheck_method: auxprop', 'auxprop_plugin: sasldb'];
  await writeFile(
    join(directory, 'memcached.conf'),
    [...settings, `sasldb_path: ${join(directory, 'sasldb2')}`, ''].join('\n'),
  );
  return directory;
}

function tryCredentials(): void {
  beforeAll(async () => {
    const directory = await writeSettings();
    server = await startSaslMemcached(directory);
    return async () => {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    };
  });

  test('a server that wants credentials serves who has them, from the first batch on and after a restart', async () => {
    await using one = open({ servers: serversOf(), ...ADA });
    const items = names.map((name) => item(name, name));
    expect(await writeCodes(one.store, items)).toEqual(names.map(() => undefined));
    expect(await readTexts(one.store, names)).toEqual(names);
    await server.kill();
    await server.restart();
    await expect.poll(() => readTexts(one.store, ['name:0'])).toEqual([undefined]);
    expect(await writeCodes(one.store, items)).toEqual(names.map(() => undefined));
    expect(await readTexts(one.store, names)).toEqual(names);
  });

  test.each([
    ['a wrong password', { ...ADA, password: 'another secret' }],
    ['a user it does not know', { ...ADA, username: 'bob@tierwise' }],
    ['no credentials', {}],
  ])('with %s every command is refused, and the reason told', async (_, credentials) => {
    await using one = open({ servers: serversOf(), ...credentials });
    expect(await readTexts(one.store, ['a', 'b'])).toEqual(['REMOTE_REJECTED', 'REMOTE_REJECTED']);
    expect(one.faults.map(({ code, message }) => [code, message])).toEqual([
      ['REMOTE_REJECTED', 'Memcached refused the credentials'],
    ]);
    expect(JSON.stringify(one.faults) + String(one.faults[0]?.cause)).not.toContain('secret');
    expect(await writeCodes(one.store, [item('a', '1')])).not.toEqual([undefined]);
  });

  test('a cache that is refused loads, says why, and shares nothing', async () => {
    await using authority = await startRedis();
    const openCache = (credentials: object) =>
      createCache({
        name: 'sasl',
        ttl: '1m',
        memory: { maxEntries: 10 },
        stores: { redis: redis({ url: authority.url }), simple: memcached({ servers: serversOf(), ...credentials }) },
        store: 'simple',
      });
    await using known = openCache(ADA);
    await using stranger = openCache({ ...ADA, password: 'another secret' });
    const told = new Set<string>();
    stranger.on('error', ({ message }) => told.add(message));
    await Promise.all([known.ready(), stranger.ready()]);
    expect(await known.set('k', 'stored')).toMatchObject({ stored: true });
    expect(await stranger.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect([...told]).toContain('Memcached refused the credentials');
    expect(await stranger.set('other', 1)).toEqual({ stored: false, outdated: false, delivered: true });
    await using late = openCache(ADA);
    await late.ready();
    expect(await late.get('k')).toBe('stored');
  });
}

// A skipped test of a real server fails a run in CI, and no machine can be blamed for how its Memcached was built.
if (obstacle === undefined) tryCredentials();
else {
  test(`credentials cannot be tried here: ${obstacle}`, async () => {
    await expect(startSaslMemcached(tmpdir())).rejects.toThrow(ServerUnavailableError);
  });
}
