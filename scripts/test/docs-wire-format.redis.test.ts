import { randomUUID } from 'node:crypto';
import { redis } from '@tierwise/redis';
import { Redis } from 'ioredis';
import { createCache } from 'tierwise';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readDocument, sectionOf, tableOf, tablesOf } from './markdown.ts';

const DOCUMENT = readDocument('docs/reference/wire-format.md');

const name = `docs-${randomUUID()}`;
const url = inject('redisUrl');
const client = new Redis(url, { replyMapping: 'legacy' });
const messages: string[] = [];
/** The list of members while the cache was open. */
let members: Record<string, string> = {};
const subscriber = new Redis(url, { replyMapping: 'legacy' });

/** A name as the document writes it for the cache `shop`. */
const nameOf = (what: string): string => {
  const row = tableOf(DOCUMENT, 'Names').find((each) => each['what']?.startsWith(what));
  return (row?.['name'] ?? '').replace('shop', name);
};

beforeAll(async () => {
  await subscriber.subscribe(nameOf('channel'));
  subscriber.on('message', (_channel, text) => messages.push(text));

  const cache = createCache({
    name,
    ttl: '1m',
    memory: { maxEntries: 100 },
    remote: redis({ url }),
    // Few enough for the oldest to be pruned, which leaves floors.
    coherence: { maxVersions: 16 },
  });
  await cache.clear();
  await cache.set('user:7', 1);
  await cache.namespace('eu').set('user:7', 2);
  for (let index = 0; index < 20; index++) await cache.invalidateTags([`tag-${index}`]);
  await cache.invalidatePrefix('order:');
  await cache.invalidatePattern('*:draft', { collect: false });
  // Stays closed: nobody is there to lift it when the cache is closed.
  await cache.mutate({ keys: ['user:8'], tags: ['fenced'], prefixes: ['order:'] }, async () => {
    members = await client.hgetall(nameOf('members'));
    await cache.close();
  });
});

afterAll(() => {
  client.disconnect();
  subscriber.disconnect();
});

test('the names in Redis are those of docs/reference/wire-format.md', async () => {
  const keys = await client.keys(`${name}*`);
  const documented = tableOf(DOCUMENT, 'Names')
    .map((row) => nameOf(row['what'] ?? ''))
    .filter((each) => each !== nameOf('channel'));
  expect(keys.sort()).toEqual(documented.sort());
  await expect.poll(() => messages.length).toBeGreaterThan(20);
  expect(messages[1]).toMatch(/^1 [0-9a-f]{32} 2 \{"k":\["user:7"\]\}$/);
});

test('the fields of meta are those of docs/reference/wire-format.md', async () => {
  const [table = []] = tablesOf(sectionOf(DOCUMENT, 'State'));
  const patterns = table
    .map((row) => row['field'] ?? '')
    .map((field) => ({ field, pattern: new RegExp(`^${field.replace('<bucket>', '\\d+').replace(/<\w+>/, '.+')}$`) }));
  const fields = Object.keys(await client.hgetall(nameOf('state')));
  expect(fields.filter((field) => !patterns.some(({ pattern }) => pattern.test(field)))).toEqual([]);
  expect(patterns.filter(({ pattern }) => !fields.some((field) => pattern.test(field)))).toEqual([]);
});

test('fence and log are as docs/reference/wire-format.md says', async () => {
  const { epoch, ...slots } = await client.hgetall(nameOf('fence'));
  expect(epoch).toMatch(/^[0-9a-f]{32}$/);
  for (const slot of Object.keys(slots)) expect(Number(slot)).toBeLessThan(16_384);
  const [first] = await client.xrange(nameOf('log'), '-', '+');
  expect(first).toEqual(['1-0', ['e', '{"c":1}']]);
  expect(await client.ttl(nameOf('state'))).toBe(-1);
});

test('closed fences and members are as docs/reference/wire-format.md says', async () => {
  const [fence] = JSON.parse((await client.hget(nameOf('state'), 'fences')) ?? '[]');
  const [, , documented = []] = [[], ...tablesOf(sectionOf(DOCUMENT, 'State'))];
  const parts = documented.flatMap((row) => (row['fence'] ?? '').replaceAll('`', '').split(', '));
  expect(Object.keys(fence).sort()).toEqual(parts.sort());
  expect(fence).toMatchObject({ k: ['user:8'], t: ['fenced'], n: [`${name}:user:8`], P: [`${name}:order:`] });
  const { begun, ...listed } = members;
  expect(begun).toMatch(/^\d{13}$/);
  const [member] = Object.values(listed);
  expect(member).toMatch(/^([0-9a-f]{32})? \d+ \d{13} 2000$/);
});
