// What somebody else publishes on the channel of a cache: instances may forget, and go on caching.

import type { Cache } from 'tierwise';
import { expect, test } from 'vitest';
import { openClient, openReady, share, subscribed, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

const FAR = 2 ** 40;

async function epochOf(name: string): Promise<string> {
  const epoch = await openClient().hget(`${name}#meta`, 'epoch');
  if (epoch === null) throw new Error('the cache has no state');
  return epoch;
}

async function expectWorking(caches: readonly [Cache, Cache], keys: readonly string[]): Promise<void> {
  for (const [writer, reader] of [caches, [caches[1], caches[0]] as const]) {
    for (const key of keys) {
      await eventually(async () => {
        await writer.delete(key);
        const loaded = await writer.getOrSet(key, () => 'loaded', { tags: ['t'] });
        return [loaded, await reader.get(key), writer.peek(key)];
      }).toEqual(['loaded', 'loaded', 'loaded']);
    }
    await reader.invalidateTags(['t']);
    for (const key of keys) await eventually(() => writer.peek(key)).toBe(undefined);
  }
}

test.each([
  ['a key', { k: ['k'] }],
  ['a tag', { t: ['t'] }],
  ['the whole cache', { c: 1 }],
  ['a fence', { k: ['k'], t: ['t'], f: ['forged', 30_000, 1] }],
  ['something of a later version', { z: 1 }],
])('a message of number 2^40 that names %s makes forget, and nothing more', async (_, event) => {
  const name = uniqueName();
  const caches = [await openReady({ name }), await openReady({ name })] as const;
  await subscribed(name, 2);
  await share(caches[0], [caches[1]], ['k', 'value', ['t']]);
  const text = `1 ${await epochOf(name)} ${FAR} ${JSON.stringify(event)}`;
  expect(await openClient().publish(`${name}#bus:0`, text)).toBe(2);
  for (const cache of caches) await eventually(() => cache.stats().invalidations.gaps).toBeGreaterThan(0);
  await expectWorking(caches, ['k', 'other']);
});

test('garbage changes nothing', async () => {
  const name = uniqueName();
  const caches = [await openReady({ name }), await openReady({ name })] as const;
  await subscribed(name, 2);
  await share(caches[0], [caches[1]], ['k', 'value', ['t']]);
  const epoch = await epochOf(name);
  const rogue = openClient();
  for (const text of [
    '',
    'garbage',
    '\u0000\u00ff',
    `1 ${epoch}`,
    `1 ${epoch} -5 {"c":1}`,
    `1 ${epoch} 1e9 {"c":1}`,
    `2 ${epoch} ${FAR} {"c":1}`,
    `1 ${'f'.repeat(32)} ${FAR} {"c":1}`,
  ]) {
    expect(await rogue.publish(`${name}#bus:0`, text)).toBe(2);
  }
  for (const cache of caches) expect(await cache.get('k')).toBe('value');
  await expectWorking(caches, ['k', 'other']);
  for (const cache of caches) expect(cache.stats().invalidations.resyncs).toBe(1);
});

test('a message of the next number that was never given is found out by the next tail', async () => {
  const name = uniqueName();
  const open = () => openReady({ name, coherence: { lease: '1s' } });
  const caches = [await open(), await open()] as const;
  await subscribed(name, 2);
  await caches[0].set('k', 'value', { tags: ['t'] });
  const seq = Number(await openClient().hget(`${name}#meta`, 'seq'));
  const text = `1 ${await epochOf(name)} ${seq + 1} {"t":["t"],"f":["forged",30000,1]}`;
  expect(await openClient().publish(`${name}#bus:0`, text)).toBe(2);
  // One from their start.
  for (const cache of caches) await eventually(() => cache.stats().invalidations.resyncs).toBe(2);
  await expectWorking(caches, ['k', 'other']);
});
