import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openCache, openClient, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

async function openThree() {
  const name = uniqueName();
  const caches = [1, 2, 3].map(() => openCache({ name }));
  await Promise.all(caches.map((cache) => cache.ready()));
  return { name, caches, client: openClient() };
}

test('of many sets at once on three instances the highest version stays, and nobody goes back', async () => {
  const { caches } = await openThree();
  for (let round = 0; round < 20; round++) {
    const base = 1_000 * round;
    const versions = Array.from({ length: 30 }, (_, index) => base + index);
    const highest = base + 29;
    const seen = caches.map(() => 0);
    let isDone = false;
    const readers = caches.map(async (cache, index) => {
      while (!isDone) {
        // A hit in memory lets nobody else run.
        await setImmediate();
        const value = (await cache.get<number>('k')) ?? 0;
        if (value === 0) continue;
        expect(value).toBeGreaterThanOrEqual(seen[index] ?? 0);
        seen[index] = value;
      }
    });
    // Each instance sends its third in an order of its own.
    const results = await Promise.all(
      caches.flatMap((cache, index) => {
        const own = versions.filter((version) => version % 3 === index);
        if (index === 1) own.reverse();
        return own.map((version) => cache.set('k', version, { version }));
      }),
    );
    isDone = true;
    await Promise.all(readers);
    expect(results.every(({ delivered }) => delivered)).toBe(true);
    await eventually(() => Promise.all(caches.map((cache) => cache.get('k')))).toEqual([highest, highest, highest]);
  }
});

test('an outdated one says so, and leaves the stored bytes and every copy in memory', async () => {
  const { name, caches, client } = await openThree();
  const [one, two] = caches;
  expect(await one?.set('k', 'v2', { version: 2, ttl: '1m' })).toEqual({
    stored: true,
    outdated: false,
    delivered: true,
  });
  const bytes = await client.getBuffer(`${name}:k`);
  const seq = await client.hget(`${name}#meta`, 'seq');
  expect(await two?.get('k')).toBe('v2');
  expect(await two?.set('k', 'v1', { version: 1, ttl: '1h' })).toEqual({
    stored: false,
    outdated: true,
    delivered: true,
  });
  expect(await client.getBuffer(`${name}:k`)).toEqual(bytes);
  expect(await client.pttl(`${name}:k`)).toBeLessThanOrEqual(60_000);
  expect(await client.hget(`${name}#meta`, 'seq')).toBe(seq);
  expect(one?.peek('k')).toBe('v2');
  for (const cache of caches) await eventually(() => cache.get('k')).toBe('v2');
});

test('the largest version there is keeps its order', async () => {
  const { caches } = await openThree();
  const [one, two] = caches;
  const most = Number.MAX_SAFE_INTEGER - 1;
  await one?.set('k', 'most', { version: most });
  expect(await two?.set('k', 'less', { version: most - 1 })).toMatchObject({ outdated: true });
  expect(await two?.set('k', 'again', { version: most })).toMatchObject({ stored: true });
});
