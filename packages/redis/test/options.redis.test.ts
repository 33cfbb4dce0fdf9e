import { Cluster, Redis } from 'ioredis';
import type { Cache, CacheError } from 'tierwise';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import type { RedisRemoteOptions } from '../src/index.ts';
import { openCache, openClient, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

let locked: Server;

beforeAll(async () => {
  locked = await startRedis({ args: ['--requirepass', 'sesame'] });
});

afterAll(() => locked.stop());

async function expectRoundTrip(cache: Cache): Promise<void> {
  expect((await cache.ready()).state).toBe('coherent');
  expect(await cache.set('k', 'v')).toEqual({ stored: true, outdated: false, delivered: true });
  expect(await cache.delete('k')).toEqual({ delivered: true });
}

describe('a url', () => {
  test('may carry password and database', async () => {
    const cache = openCache({ name: 'shop' }, { url: `redis://:sesame@${locked.host}:${locked.port}/5` });
    await expectRoundTrip(cache);
    const client = openClient(`redis://:sesame@${locked.host}:${locked.port}/5`);
    expect(await client.exists('shop#meta')).toBe(1);
  });

  test('may come with further options of ioredis', async () => {
    const name = uniqueName();
    const options = { password: 'sesame', db: 4, keyPrefix: 'own:' };
    const cache = openCache({ name }, { url: locked.url, options });
    await expectRoundTrip(cache);
    const client = openClient(`redis://:sesame@${locked.host}:${locked.port}/4`);
    expect(await client.exists(`own:${name}#meta`)).toBe(1);
  });

  test.each([
    ['a wrong password', () => `redis://:wrong@${locked.host}:${locked.port}`],
    ['no password', () => locked.url],
    ['a database the server does not have', () => `redis://:sesame@${locked.host}:${locked.port}/99`],
  ])('with %s is told and the loader answers', async (_what, url) => {
    const cache = openCache({ name: uniqueName() }, { url: url() });
    const errors: string[] = [];
    cache.on('error', (error) => errors.push(error.code));

    expect((await cache.ready()).state).toBe('offline');
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(await cache.delete('k')).toEqual({ delivered: false });
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.every((code) => code === 'REMOTE_REJECTED' || code === 'REMOTE_UNAVAILABLE')).toBe(true);
    const admin = openClient(`redis://:sesame@${locked.host}:${locked.port}`);
    expect(await admin.dbsize()).toBe(0);
  });
});

// Symptom: "the connection to Redis ended", with the reason in the cause only, and a page that pointed to the network.
test.each([
  ['wrong', 'redis://:wrong@', /^WRONGPASS/],
  ['missing', 'redis://', /^NOAUTH/],
  ['of a user there is not', 'redis://nobody:sesame@', /^WRONGPASS/],
])('a login that is %s is told as one that was refused', async (_what, login, reply) => {
  const cache = openCache({ name: uniqueName() }, { url: `${login}${locked.host}:${locked.port}` });
  const errors: CacheError[] = [];
  cache.on('error', (error) => errors.push(error));
  await cache.ready();
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) {
    expect(error).toMatchObject({ code: 'REMOTE_UNAVAILABLE', message: 'Redis refused the login' });
    expect(error.cause).toMatchObject({ message: expect.stringMatching(reply) });
    expect(JSON.stringify([error, Object.entries(error.cause as object)])).not.toContain('sesame');
  }
});

// Symptom: the cause was "Connection is closed.", whatever had closed it.
test.each([
  ['a login that is refused', () => locked.port, 'Redis refused the login', /^WRONGPASS/],
  ['no server', () => 1, 'no node of the cluster tells who serves what', /ECONNREFUSED/],
])('a cluster with %s says so', async (_what, port, message, reason) => {
  const nodes = [{ host: locked.host, port: port() }];
  const cluster = { nodes, options: { password: 'not it' } };
  const cache = openCache({ name: uniqueName() }, { cluster });
  const errors: CacheError[] = [];
  cache.on('error', (error) => errors.push(error));
  await cache.ready();
  expect(errors[0]).toMatchObject({ code: 'REMOTE_UNAVAILABLE', message });
  expect(errors[0]?.cause).toMatchObject({ message: expect.stringMatching(reason) });
  expect(errors[0]?.cause).not.toHaveProperty('command');
});

describe('a client', () => {
  test('is asked for its options only: its connection is left alone, before and after close', async () => {
    const given = new Redis(inject('redisUrl'), { lazyConnect: true, replyMapping: 'legacy' });
    onTestFinished(() => given.disconnect());
    const cache = openCache({ name: uniqueName() }, { client: given });
    await expectRoundTrip(cache);
    expect(given.status).toBe('wait');

    await given.connect();
    await cache.close();
    expect(await given.ping()).toBe('PONG');
    expect(given.options).toMatchObject({ enableOfflineQueue: true, autoResendUnfulfilledCommands: true });
    expect(given.listenerCount('error')).toBe(0);
  });

  test('may have any options of its own about replies, queues and retries', async () => {
    const given = new Redis(inject('redisUrl'), {
      lazyConnect: true,
      stringNumbers: true,
      enableAutoPipelining: true,
      commandTimeout: 5,
      maxRetriesPerRequest: null,
      protocol: 2,
      readOnly: true,
      connectionName: 'mine',
    });
    onTestFinished(() => given.disconnect());
    const name = uniqueName();
    const cache = openCache({ name }, { client: given });
    await expectRoundTrip(cache);
    expect(await cache.getOrSet('loaded', () => ({ n: 1 }))).toEqual({ n: 1 });
    await eventually(async () => openCache({ name }).get('loaded')).toEqual({ n: 1 });
  });
});

test('each connection says on the server which cache it belongs to and what it is for', async () => {
  const name = uniqueName();
  const cache = openCache({ name });
  await cache.ready();
  const client = openClient();
  const named = async (): Promise<(string | undefined)[]> =>
    [...String(await client.client('LIST')).matchAll(/ name=(\S+) /g)]
      .map(([, text]) => text)
      .filter((text) => text?.includes(`tierwise:${name}:`))
      .sort();
  // The bus may come up after the other two.
  await eventually(named).toEqual(['bus', 'commands', 'tail'].map((role) => `tierwise:${name}:${role}`));

  await cache.close();
  await eventually(named).toEqual([]);
});

test('two caches of one name in one process are two instances', async () => {
  const name = uniqueName();
  const [one, two] = [openCache({ name }), openCache({ name })];
  await Promise.all([one.ready(), two.ready()]);
  await one.set('k', 1);
  expect(await two.get('k')).toBe(1);
  await one.delete('k');
  await eventually(() => two.peek('k')).toBeUndefined();
});

test('sentinels and a cluster can be named before any of them is there', async () => {
  const nowhere = { host: '127.0.0.1', port: 1 };
  const cluster = new Cluster([nowhere], { lazyConnect: true });
  onTestFinished(() => cluster.disconnect());
  const remotes: RedisRemoteOptions[] = [
    { sentinels: [nowhere], name: 'mymaster' },
    { cluster: { nodes: [nowhere], partitions: 2 } },
    { client: cluster, partitions: 3 },
    { url: 'redis://127.0.0.1:1' },
  ];
  for (const remote of remotes) {
    const cache = openCache({ name: uniqueName() }, remote);
    expect((await cache.ready()).state).toBe('offline');
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    await cache.close();
  }
});
