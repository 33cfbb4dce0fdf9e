// Bounds of the log and of versions are applied by whoever calls, so instances may differ in them; only the lease is agreed.

import { expect, test } from 'vitest';
import { openClient, openReady, share, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

const LEASE = '10s';
const EVENTS = 400;

test('instances with different bounds stay coherent, and the smaller ones count in Redis', async () => {
  const name = uniqueName();
  const small = await openReady({ name, coherence: { lease: LEASE, logEvents: 100, maxVersions: 16 } });
  const large = await openReady({ name, coherence: { lease: LEASE } });
  const errors: unknown[] = [];
  for (const cache of [small, large]) cache.on('error', (error) => errors.push(error));

  await share(large, [small], ['k', 'old', ['dead']]);
  await share(small, [large], ['other', 'kept', ['alive']]);
  const before = await small.invalidateTags(['dead']);
  expect(before).toEqual({ delivered: true });
  for (const cache of [large, small]) {
    await Promise.all(Array.from({ length: 40 }, (_, i) => cache.invalidateTags([`${i}`])));
    await Promise.all(Array.from({ length: EVENTS }, (_, i) => cache.delete(`x${i}`)));
  }
  // Each call of the small one turns the older half into floors while there are too many.
  for (const tag of ['last', 'very last', 'very last of all']) await small.invalidateTags([tag]);

  // Redis trims by whole nodes of a hundred events, and what was the large one's is cut by the next call of the small one.
  const server = openClient();
  expect(await server.xlen(`${name}#log`)).toBeLessThan(300);
  expect(Number(await server.hget(`${name}#meta`, 'versions'))).toBeLessThanOrEqual(16);

  // The entry lies in Redis still, and its tag is known there by a floor only.
  const late = await openReady({ name, coherence: { lease: LEASE, maxVersions: 1_000 } });
  for (const cache of [small, large, late]) await eventually(() => cache.get('k')).toBe(undefined);
  await share(small, [large, late], ['k', 'new', ['dead']]);
  await large.invalidateTags(['dead']);
  for (const cache of [small, large, late]) await eventually(() => cache.peek('k')).toBe(undefined);
  expect([small, large, late].map((cache) => cache.health().state)).toEqual(['coherent', 'coherent', 'coherent']);
  expect(errors).toEqual([]);
});
