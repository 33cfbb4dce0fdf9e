import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openCache, openClient, openReady, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

/** Every key of the server that holds `text`; tests may look, the library never does. */
async function keysWith(client: Redis, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of client.scanStream({ match: `*${text}*`, count: 1_000 })) found.push(...(batch as string[]));
  return found.sort();
}

async function channelsWith(client: Redis, text: string): Promise<string[]> {
  return (await client.pubsub('CHANNELS', `*${text}*`)) as string[];
}

function openPrefixedClient(options: { keyPrefix?: string; db?: number }): Redis {
  const client = new Redis(inject('redisUrl'), { ...options, replyMapping: 'legacy' });
  onTestFinished(() => client.disconnect());
  return client;
}

test('keys are readable to a person', async () => {
  const shop = uniqueName();
  const client = openClient();
  const cache = await openReady({ name: shop });
  await cache.set('user:7:profile', 1);
  await cache.namespace('eu').set('user:7', 1);
  await cache.namespace('eu').namespace('7').set('a b', 1);

  expect(await keysWith(client, shop)).toEqual(
    [
      `${shop}:user:7:profile`,
      `${shop}/eu:user:7`,
      `${shop}/eu/7:a b`,
      `${shop}#meta`,
      `${shop}#fence`,
      `${shop}#log`,
      `${shop}#members`,
    ].sort(),
  );
  await eventually(() => channelsWith(client, shop)).toEqual([`${shop}#bus:0`]);
});

test('the prefix of a given client stands before every name, the channel included', async () => {
  const shop = uniqueName();
  const client = openClient();
  const given = openPrefixedClient({ keyPrefix: 'app:' });
  const cache = await openReady({ name: shop }, { client: given });
  await cache.set('k', 'v');

  expect(await keysWith(client, shop)).toEqual([
    `app:${shop}#fence`,
    `app:${shop}#log`,
    `app:${shop}#members`,
    `app:${shop}#meta`,
    `app:${shop}:k`,
  ]);
  await eventually(() => channelsWith(client, shop)).toEqual([`app:${shop}#bus:0`]);
  expect(await cache.get('k')).toBe('v');
});

test('the database number of a given client or a url holds, and is part of the channel', async () => {
  const shop = uniqueName();
  const second = openPrefixedClient({ db: 2 });
  await (await openReady({ name: shop }, { client: second })).set('k', 'of the client');
  await (await openReady({ name: shop }, { url: `${inject('redisUrl')}/3` })).set('k', 'of the url');

  const third = openPrefixedClient({ db: 3 });
  expect(await keysWith(openClient(), shop)).toEqual([]);
  expect(await keysWith(second, shop)).toContain(`${shop}:k`);
  expect(await keysWith(third, shop)).toContain(`${shop}:k`);
  const client = openClient();
  await eventually(async () => (await channelsWith(client, shop)).sort()).toEqual([`${shop}#bus:2`, `${shop}#bus:3`]);
});

test('caches of one name in two databases never meet', async () => {
  const shop = uniqueName();
  const [one, two] = [openCache({ name: shop }), openCache({ name: shop }, { url: `${inject('redisUrl')}/2` })];
  await Promise.all([one.ready(), two.ready()]);
  await one.set('k', 'one');
  await two.set('k', 'two');
  await one.clear();

  expect(await two.get('k')).toBe('two');
  expect(two.stats().invalidations.resyncs).toBe(1);
});

test('caches of different names never meet, even where one name begins with the other', async () => {
  const shop = uniqueName();
  const caches = [shop, `${shop}.eu`, `${shop}-7`].map((name) => openCache({ name }));
  await Promise.all(caches.map((cache) => cache.ready()));
  for (const [index, cache] of caches.entries()) await cache.set('k', index, { tags: ['t'] });
  await caches[0]?.invalidateTags(['t']);
  await caches[0]?.clear();

  expect(await caches[0]?.get('k')).toBeUndefined();
  expect(await caches[1]?.get('k')).toBe(1);
  expect(await caches[2]?.get('k')).toBe(2);
});

test('no key reaches state, another namespace or another cache', async () => {
  const shop = uniqueName();
  const client = openClient();
  const cache = await openReady({ name: shop });
  await cache.namespace('eu').set('k', 'of the namespace');
  const attempts = ['#meta', '/eu:k', '\0eu:k', '\0:k', ':#meta', '\0', '\0eu', '{x}#log', `${shop}#meta`];
  for (const [index, key] of attempts.entries()) await cache.set(key, index);

  const reader = openCache({ name: shop });
  expect(await reader.getMany(attempts)).toEqual(attempts.map((_key, index) => index));
  expect(await reader.namespace('eu').get('k')).toBe('of the namespace');
  expect(await client.type(`${shop}#meta`)).toBe('hash');
  expect(await keysWith(client, shop)).toHaveLength(4 + 1 + attempts.length);
});

test('keys of any characters and the longest length come back on another instance', async () => {
  const shop = uniqueName();
  const [writer, reader] = [openCache({ name: shop }), openCache({ name: shop })];
  const keys = [
    'ünïcödé ☃ 🦊',
    'e\u0301',
    '\u00e9',
    'line\nbreak\r\n',
    'nul\0inside',
    '\0leading nul',
    '{braces}:{more}',
    '%s %d \\ " \'',
    '*?[a-z]',
    ' ',
    '__proto__',
    'k'.repeat(1_024),
    '🦊'.repeat(512),
  ];
  await writer.ready();
  await writer.setMany(keys.map((key, index) => ({ key, value: index, tags: [`tag ${key}`.slice(0, 1_024)] })));

  expect(await reader.getMany(keys)).toEqual(keys.map((_key, index) => index));
  expect((await reader.entry('line\nbreak\r\n'))?.tags).toEqual(['tag line\nbreak\r\n']);
  for (const key of keys) {
    expect(await writer.delete(key)).toEqual({ delivered: true });
    await eventually(() => reader.get(key)).toBeUndefined();
  }
});
