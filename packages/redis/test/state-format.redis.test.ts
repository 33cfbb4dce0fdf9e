import type { CacheError } from 'tierwise';
import { expect, test } from 'vitest';
import { openCache, openClient, openReady, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

test('state of another format is neither believed nor touched, and the error says so', async () => {
  const name = uniqueName();
  const client = openClient();
  const first = await openReady({ name });
  await first.set('k', 'shared');
  await first.close();
  await client.hset(`${name}#meta`, 'format', '2', 'novelty', 'x');
  const before = await client.hgetall(`${name}#meta`);

  const cache = openCache({ name });
  const errors: CacheError[] = [];
  cache.on('error', (error) => errors.push(error));
  expect((await cache.ready()).state).toBe('suspect');
  expect(await cache.get('k')).toBeUndefined();
  expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await cache.set('k', 'mine')).toEqual({ stored: false, outdated: false, delivered: false });
  expect(await cache.delete('k')).toEqual({ delivered: false });
  expect(errors[0]).toMatchObject({ code: 'CONFIG_CONFLICT', facts: { subject: 'format', limit: 1, actual: 2 } });
  expect(await client.hgetall(`${name}#meta`)).toEqual(before);
  expect(await client.exists(`${name}:k`)).toBe(1);

  // Whoever used the name before is gone for good.
  await client.del(`${name}#meta`);
  await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
});

test('a field of meta that this release does not know is left alone', async () => {
  const name = uniqueName();
  const client = openClient();
  const first = await openReady({ name });
  await first.invalidateTags(['t']);
  await client.hset(`${name}#meta`, 'novelty', 'x');

  const second = await openReady({ name });
  expect(second.health().state).toBe('coherent');
  await second.set('k', 'v', { tags: ['t'] });
  await first.invalidateTags(['t']);
  await eventually(() => second.get('k')).toBeUndefined();
  expect(await client.hget(`${name}#meta`, 'novelty')).toBe('x');
});
