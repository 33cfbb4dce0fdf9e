import { describe, expect, test } from 'vitest';
import { createCache } from '../src/cache.ts';
import type { CollectProgress } from '../src/store/store.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import {
  BEAT_MS,
  ControlledLoader,
  expectIdle,
  openInstance,
  openInstances,
  PAST_LEASE_MS,
  warm,
} from './support/instances.ts';

describe('invalidatePattern()', () => {
  test('ends what matches on every instance, and nothing else', async () => {
    const [a, b] = await openInstances(2);
    for (const key of ['post:7:draft', 'post:8:draft', 'post:7', 'draft']) await warm([a, b], key, 'old');
    expect(await a.cache.invalidatePattern('post:*:draft', { collect: false })).toMatchObject({ delivered: true });
    await settled();
    for (const { cache } of [a, b]) {
      expect(cache.peek('post:7:draft')).toBe(undefined);
      expect(await cache.get('post:8:draft')).toBe(undefined);
      expect(cache.peek('post:7')).toBe('old');
      expect(cache.peek('draft')).toBe('old');
    }
    await warm([a, b], 'post:7:draft', 'new');
    expectIdle(a, b);
  });

  test('ends loads that began before it, with and without a lease of its time', async () => {
    const [a, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const slow = b.cache.getOrSet('x:k', loader.load);
    await settled();
    await a.cache.invalidatePattern('*:k');
    loader.answer('old');
    expect(await slow).toBe('old');
    await settled();
    expect(b.cache.peek('x:k')).toBe(undefined);
    expect(await a.cache.get('x:k')).toBe(undefined);
  });

  test('is known to an instance that starts late, and to one that missed the message', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'x:k', 'old');
    b.remote.isBusCut = true;
    await a.cache.invalidatePattern('?:k', { collect: false });
    await b.clock.advance(BEAT_MS + 1);
    await settled();
    expect(b.cache.peek('x:k')).toBe(undefined);
    const late = await openInstance({ hub: a.hub, clock: a.clock });
    expect(late.hub.stored('x:k')).not.toBe(undefined);
    expect(await late.cache.get('x:k')).toBe(undefined);
  });

  test('that is not delivered covers own reads until it is', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'x:k', 'old');
    await warm([a, b], 'other', 'old');
    a.remote.disconnect();
    const { delivered, collected } = await a.cache.invalidatePattern('x:*');
    expect(delivered).toBe(false);
    expect(await collected).toBe(0);
    expect(a.cache.peek('x:k')).toBe(undefined);
    expect(a.cache.peek('other')).toBe('old');
    expect(await a.cache.getOrSet('x:k', () => 'new')).toBe('new');
    a.remote.connect();
    await settled();
    expect(b.cache.peek('x:k')).toBe(undefined);
    expect(b.cache.peek('other')).toBe('old');
  });

  test('of the root reaches no namespace, of a namespace nothing but itself', async () => {
    const a = await openInstance();
    const eu = a.cache.namespace('eu');
    const below = eu.namespace('7');
    const all = [a.cache, eu, below, a.cache.namespace('us')];
    for (const [index, at] of all.entries()) {
      for (const each of all) await each.set('user:1', 'old');
      const { collected } = await at.invalidatePattern('*');
      expect(await collected).toBe(1);
      for (const [other, each] of all.entries()) {
        expect(await each.get('user:1'), `${index} reaches ${other}`).toBe(index === other ? undefined : 'old');
      }
    }
  });

  test('reaches root keys of any characters', async () => {
    const a = await openInstance();
    for (const key of ['\0x', '\0:x', ':x', '/x']) await a.cache.set(key, 1);
    const { collected } = await a.cache.invalidatePattern('*x');
    expect(await collected).toBe(4);
    for (const key of ['\0x', '\0:x', ':x', '/x']) expect(await a.cache.get(key)).toBe(undefined);
  });

  test('past 64 at a time ends everything that is older than the one that falls out', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'other', 'old');
    for (let i = 0; i < 64; i++) await a.cache.invalidatePattern(`p${i}:*`, { collect: false });
    await settled();
    expect(b.cache.peek('other')).toBe('old');
    await a.cache.invalidatePattern('p64:*', { collect: false });
    await settled();
    for (const { cache } of [a, b]) expect(cache.peek('other')).toBe(undefined);
    await warm([a, b], 'other', 'new');
    await a.cache.invalidatePattern('p65:*', { collect: false });
    await settled();
    expect(b.cache.peek('other')).toBe('new');
    expect(b.remote.partition.view.isValid('p0:k', [], 0)).toBe(false);
  });

  test('one pattern again and again falls out of nothing', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'other', 'old');
    for (let i = 0; i < 200; i++) await a.cache.invalidatePattern('p:*', { collect: false });
    await settled();
    expect(b.cache.peek('other')).toBe('old');
  });
});

describe('its collection', () => {
  test('drops what matches from the shared layer in the background, and counts it', async () => {
    const a = await openInstance();
    for (let i = 0; i < 5; i++) await a.cache.set(`p:${i}`, i);
    await a.cache.set('q', 1);
    const seen: CollectProgress[] = [];
    a.remote.collect.hold();
    const { delivered, collected } = await a.cache.invalidatePattern('p:*', { onProgress: (at) => seen.push(at) });
    expect(delivered).toBe(true);
    expect(a.hub.stored('p:1')).not.toBe(undefined);
    expect(await a.cache.get('p:1')).toBe(undefined);
    a.remote.collect.release();
    expect(await collected).toBe(5);
    expect(seen).toEqual([{ dropped: 5, scanned: 6 }]);
    expect(a.hub.stored('p:1')).toBe(undefined);
    expect(a.hub.stored('q')).not.toBe(undefined);
  });

  test('is not made when it is not wanted', async () => {
    const a = await openInstance();
    await a.cache.set('p:1', 1);
    const { collected } = await a.cache.invalidatePattern('p:*', { collect: false });
    expect(await collected).toBe(0);
    expect(a.remote.collect.calls).toBe(0);
    expect(a.hub.stored('p:1')).not.toBe(undefined);
  });

  test('that fails or is cancelled takes nothing back, and needs nobody to hear of it', async () => {
    const a = await openInstance();
    await a.cache.set('p:1', 1);
    a.remote.collect.fail();
    const failed = await a.cache.invalidatePattern('p:*');
    await settled();
    await expect(failed.collected).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    a.remote.collect.pass();
    const signal = AbortSignal.abort('enough');
    const cancelled = await a.cache.invalidatePattern('p:*', { signal });
    expect(cancelled.delivered).toBe(true);
    await expect(cancelled.collected).rejects.toBe('enough');
    expect(await a.cache.get('p:1')).toBe(undefined);
    await a.cache.invalidatePattern('p:*', { signal });
    await settled();
  });

  test('goes on when onProgress throws', async () => {
    const a = await openInstance();
    await a.cache.set('p:1', 1);
    const { collected } = await a.cache.invalidatePattern('p:*', {
      onProgress: () => {
        throw new Error('of the user');
      },
    });
    expect(await collected).toBe(1);
    expect(a.cache.stats().listenerErrors).toBe(1);
  });
});

test('the in-process layer collects too, unless it is cancelled', async () => {
  await using cache = createCache({ name: 'test', ttl: '1h', memory: { maxEntries: 10 } });
  await cache.ready();
  await cache.setMany([1, 2, 3].map((index) => ({ key: `p:${index}`, value: index })));
  const cancelled = await cache.invalidatePattern('p:*', { signal: AbortSignal.abort('enough') });
  await expect(cancelled.collected).rejects.toBe('enough');
  expect(await cache.get('p:1')).toBe(undefined);
  expect(await (await cache.invalidatePattern('p:*')).collected).toBe(3);
});

test('wrong arguments are refused before anything is invalidated', async () => {
  const { cache, remote } = await openInstance();
  await expectCode('INVALID_KEY', () => cache.invalidatePattern(''));
  await expectCode('INVALID_KEY', () => cache.invalidatePattern(7 as never));
  await expectCode('INVALID_KEY', () => cache.invalidatePattern('x'.repeat(1_025)));
  await expectCode('INVALID_OPTIONS', () => cache.invalidatePattern('*', { limit: 1 } as never));
  await expectCode('INVALID_OPTIONS', () => cache.invalidatePattern('*', { signal: {} as never }));
  await expectCode('INVALID_OPTIONS', () => cache.invalidatePattern('*', { onProgress: 'log' as never }));
  await expectCode('INVALID_OPTIONS', () => cache.invalidatePattern('*', { collect: 'no' as never }));
  expect(remote.invalidations).toEqual([]);
});

test('an entry that only youth keeps is ended by a pattern too', async () => {
  const a = await openInstance();
  a.remote.tail.fail();
  await a.clock.advance(PAST_LEASE_MS);
  expect(await a.cache.getOrSet('p:k', () => 'old')).toBe('old');
  await settled();
  expect(a.cache.peek('p:k')).toBe('old');
  await a.cache.invalidatePattern('p:*');
  expect(a.cache.peek('p:k')).toBe(undefined);
});
