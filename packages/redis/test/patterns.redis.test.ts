import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { openCache, openClient, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

// A server of its own: SCAN walks over everything that is there.
let server: Server;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

async function openTwo(name: string = uniqueName(), keyPrefix: string = '') {
  const open = () => openCache({ name }, { url: server.url, options: { keyPrefix } });
  const [one, two] = [open(), open()];
  await Promise.all([one.ready(), two.ready()]);
  return { name, one, two, client: openClient(server.url) };
}

test('a pattern ends what matches on all instances, also on one that starts later', async () => {
  const { name, one, two } = await openTwo();
  const [draft, other] = ['post:7:draft', 'post:7:final'];
  await one.setMany([draft, other].map((key) => ({ key, value: 'old' })));
  expect(await two.getMany([draft, other])).toEqual(['old', 'old']);

  expect(await one.invalidatePattern('post:*:draft', { collect: false })).toMatchObject({ delivered: true });
  expect(await one.getMany([draft, other])).toEqual([undefined, 'old']);
  await eventually(() => two.peek(draft)).toBeUndefined();
  expect(two.peek(other)).toBe('old');
  expect(await openCache({ name }, { url: server.url }).getMany([draft, other])).toEqual([undefined, 'old']);
});

describe('collection', () => {
  /** Keys that stand close to one another in what SCAN and patterns take for special. */
  const KEYS = [
    'a*b',
    'a?b',
    'a[b]',
    'a\\b',
    'ab',
    'axb',
    'aßb',
    'a😀b',
    'a:b',
    'a/b',
    'b',
    '\0ab',
    '#meta',
    ':',
    '[ab]',
  ];
  const PATTERNS = [
    'a*b',
    'a?b',
    'a\\*b',
    'a\\?b',
    'a[b]',
    '[ab]',
    'a\\\\b',
    '*',
    '?',
    'a\\:b',
    '*b',
    '#*',
    'aß?',
    '\\a*',
    'a\\',
  ];

  test.each(PATTERNS)('of %s drops exactly the keys that match', async (pattern) => {
    const { name, one, client } = await openTwo(uniqueName(), 'p[x]*:');
    const eu = one.namespace('eu');
    for (const at of [one, eu]) await at.setMany(KEYS.map((key) => ({ key, value: key })));
    await client.set(`p[x]*:${name}x:ab`, 'of another cache');
    const before = await client.dbsize();

    const { collected } = await one.invalidatePattern(pattern);
    const dropped = await collected;

    const left = await one.getMany(KEYS);
    expect(dropped).toBe(left.filter((value) => value === undefined).length);
    expect(await client.dbsize()).toBe(before - dropped);
    expect(await eu.getMany(KEYS)).toEqual(KEYS);
    expect(await client.exists(`p[x]*:${name}x:ab`, `p[x]*:${name}#meta`)).toBe(2);

    const { collected: below } = await eu.invalidatePattern(pattern);
    expect(await below).toBe(dropped);
    expect(await client.dbsize()).toBe(before - 2 * dropped);
    await client.flushall();
  });

  test('goes in batches, tells how far it is, and keeps the sequence and everything else', async () => {
    const { name, one, client } = await openTwo();
    const items = Array.from({ length: 5_000 }, (_, index) => ({ key: `x:${index}`, value: index }));
    await one.setMany(items);
    await one.setMany(items.map(({ key, value }) => ({ key: key.replace('x', 'y'), value })));
    const seq = await client.hget(`${name}#meta`, 'seq');
    const seen: { dropped: number; scanned: number }[] = [];

    const { collected } = await one.invalidatePattern('x:*', { onProgress: (progress) => seen.push(progress) });

    expect(await collected).toBe(5_000);
    expect(seen.length).toBeGreaterThan(5);
    expect(seen.at(-1)?.dropped).toBe(5_000);
    expect(seen.map(({ dropped }) => dropped)).toEqual(seen.map(({ dropped }) => dropped).sort((x, y) => x - y));
    expect(seen.map(({ scanned }) => scanned)).toEqual(seen.map(({ scanned }) => scanned).sort((x, y) => x - y));
    expect(await client.hget(`${name}#meta`, 'seq')).toBe(String(Number(seq) + 1));
    expect(await client.exists(...Array.from({ length: 100 }, (_, index) => `${name}:y:${index}`))).toBe(100);
    await client.flushall();
  });

  test('ends between two batches when it is cancelled', async () => {
    const { one, client } = await openTwo();
    await one.setMany(Array.from({ length: 5_000 }, (_, index) => ({ key: `x:${index}`, value: index })));
    const controller = new AbortController();
    const { delivered, collected } = await one.invalidatePattern('x:*', {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    expect(delivered).toBe(true);
    await expect(collected).rejects.toThrow('enough');
    expect(await client.dbsize()).toBeGreaterThan(3_000);
    expect(await one.getMany(['x:1', 'x:4999'])).toEqual([undefined, undefined]);
    await client.flushall();
  });

  test('never drops what was stored again meanwhile for good: the next read loads it', async () => {
    const { one, two } = await openTwo();
    await one.setMany(Array.from({ length: 2_000 }, (_, index) => ({ key: `x:${index}`, value: 'old' })));
    const { collected } = await one.invalidatePattern('x:*');
    const reads = await Promise.all(
      Array.from({ length: 2_000 }, (_, index) => two.getOrSet(`x:${index}`, () => 'new')),
    );
    await collected;
    // The event may reach the other instance after its read began; never after the lease.
    await eventually(() => two.getOrSet('x:1', () => 'new')).toBe('new');
    expect(reads.filter((value) => value === 'new').length).toBeGreaterThan(0);
  });

  test('that loses its connection rejects, and nothing else does', async () => {
    const own = await startRedis();
    const cache = openCache({ name: uniqueName() }, { url: own.url });
    await cache.ready();
    await cache.setMany(Array.from({ length: 3_000 }, (_, index) => ({ key: `x:${index}`, value: index })));
    const { delivered, collected } = await cache.invalidatePattern('x:*', { onProgress: () => own.kill() });
    expect(delivered).toBe(true);
    await expect(collected).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    await own.stop();
  });
});
