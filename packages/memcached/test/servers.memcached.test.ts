import { createConnection } from 'node:net';
import { type Cache, createCache } from 'tierwise';
import { afterEach, expect, test } from 'vitest';
import { type Server, startMemcached, startRedis } from '../../../scripts/servers/index.ts';
import { redis } from '../../redis/src/index.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { memcached } from '../src/index.ts';

const open: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const dispose of open.splice(0).reverse()) await dispose();
});

async function started<S extends { stop(): Promise<unknown> }>(starting: Promise<S>): Promise<S> {
  const one = await starting;
  open.push(() => one.stop());
  return one;
}

/** One of the figures that a server tells of itself. */
async function figureOf({ host, port }: Server, figure: string): Promise<number> {
  const socket = createConnection({ host, port });
  socket.end('stats\r\n');
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    text += chunk as string;
    if (text.endsWith('END\r\n')) break;
  }
  return Number(new RegExp(`STAT ${figure} (\\d+)`).exec(text)?.[1]);
}

test('of three servers one is dead and one is silent: single reads find what the third one has, and it heals', async () => {
  const authority = await started(startRedis());
  const live = await started(startMemcached());
  const dead = await started(startMemcached());
  const silent = await started(startMemcached());
  const proxy = await started(FaultProxy.start({ target: { host: silent.host, port: silent.port } }));
  const servers = [live, dead, proxy].map(({ port }) => `127.0.0.1:${port}`).join();
  const openCache = async (): Promise<Cache> => {
    const cache = createCache({
      name: 'servers',
      ttl: '1h',
      memory: { maxEntries: 1_000 },
      stores: { redis: redis({ url: authority.url }), simple: memcached({ servers, commandTimeout: '300ms' }) },
      store: 'simple',
      coherence: { lease: '10s' },
    });
    open.push(() => cache.close());
    expect((await cache.ready()).state).toBe('coherent');
    return cache;
  };
  const [writer, reader] = [await openCache(), await openCache()];
  const keys = Array.from({ length: 90 }, (_, i) => `k:${i}`);
  await Promise.all(keys.map((key) => writer.getOrSet(key, () => 'stored')));
  await expect
    .poll(async () => {
      const [a, b, c] = await Promise.all([live, dead, silent].map((server) => figureOf(server, 'curr_items')));
      return a! + b! + c!;
    })
    .toBe(keys.length);
  const held = await figureOf(live, 'curr_items');

  await dead.kill();
  proxy.silence();
  const answers: unknown[] = [];
  for (const key of keys) answers.push(await reader.getOrSet(key, () => 'loaded'));
  expect(answers.filter((answer) => answer === 'stored').length).toBe(held);
  const { hits, errors = 0, skipped = 0 } = reader.stats().layers['simple'] ?? {};
  expect(hits).toBe(held);
  expect(held).toBeGreaterThan(10);
  // Five calls to each server were in vain, and what was under way beside the last of them; no other one was waited for.
  expect(errors - skipped).toBeLessThanOrEqual(16);
  expect(skipped).toBeGreaterThan(keys.length - held - 10);

  await dead.restart();
  proxy.resume();
  let round = 0;
  await expect
    .poll(
      async () => {
        const fresh = keys.map((key) => `${key}:${round}`);
        round++;
        for (const key of fresh) await writer.getOrSet(key, () => 'stored');
        const found = await reader.getMany(fresh);
        return found.filter((value) => value === 'stored').length;
      },
      { interval: 200 },
    )
    .toBe(keys.length);
});
