import { describe, expect, test } from 'vitest';
import { encodeEnvelope } from '../src/wire/envelope.ts';
import { msgpack } from '../src/wire/msgpack.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance, openInstances } from './support/instances.ts';
import { MEMBER } from './support/member.ts';

const FOREVER = { forever: 'a test' };

describe('an entry expires', () => {
  test('on the millisecond, in both layers', async () => {
    const [a, b] = await openInstances(2, { ttl: 1_000 });
    await a.cache.getOrSet('k', () => 1);
    await settled();
    await a.clock.advance(999);
    expect(a.cache.peek('k')).toBe(1);
    expect(await b.cache.get('k')).toBe(1);
    await a.clock.advance(1);
    expect(a.cache.peek('k')).toBe(undefined);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await a.cache.get('k')).toBe(undefined);
    expect(await a.cache.getOrSet('k', () => 2)).toBe(2);
  });

  test('after the ttl of its call, also when it was set', async () => {
    const { cache, clock } = await openInstance({ ttl: '1h' });
    await cache.set('set', 1, { ttl: '10ms' });
    await cache.getOrSet('loaded', () => 1, { ttl: 10 });
    await settled();
    await clock.advance(9);
    expect(cache.peek('set')).toBe(1);
    expect(cache.peek('loaded')).toBe(1);
    await clock.advance(1);
    expect(await cache.getMany(['set', 'loaded'])).toEqual([undefined, undefined]);
  });

  test('after a ttl that is computed from its value', async () => {
    const { cache, clock } = await openInstance();
    const load = () => ({ seconds: 3 });
    await cache.getOrSet('k', load, { ttl: ({ seconds }) => `${seconds}s` });
    await settled();
    expect(await cache.entry('k')).toMatchObject({ expiresInMs: 3_000 });
    await clock.advance(3_000);
    expect(await cache.get('k')).toBe(undefined);
  });

  test('never, where that is written out with a reason', async () => {
    const { cache, clock } = await openInstance({ ttl: FOREVER });
    await cache.getOrSet('k', () => 1);
    await settled();
    expect((await cache.entry('k'))?.expiresInMs).toBe(undefined);
    await clock.advance(5_000);
    clock.block(5 * 365 * 86_400_000);
    expect(await cache.get('k')).toBe(1);
  });

  test('after a ttl longer than 24 days all the same', async () => {
    const { cache, clock } = await openInstance({ ttl: '40d' });
    await cache.set('k', 1);
    expect(await cache.entry('k')).toMatchObject({ expiresInMs: 40 * 86_400_000 });
    clock.block(40 * 86_400_000 - 1);
    expect(await cache.get('k')).toBe(1);
    clock.block(1);
    expect(await cache.get('k')).toBe(undefined);
  });

  test('no later because it is read', async () => {
    const { cache, clock } = await openInstance({ ttl: 100 });
    await cache.set('k', 1);
    for (let i = 0; i < 10; i++) {
      await clock.advance(10);
      await cache.get('k');
    }
    expect(cache.peek('k')).toBe(undefined);
  });
});

describe('the lifetime in memory', () => {
  test('can be shorter than that in the shared layer', async () => {
    const { cache, clock, remote } = await openInstance({ ttl: '1h', memory: { maxEntries: 10, ttl: '1s' } });
    await cache.getOrSet('k', () => 1);
    await settled();
    await clock.advance(1_000);
    expect(cache.peek('k')).toBe(undefined);
    const reads = remote.read.calls;
    expect(await cache.get('k')).toBe(1);
    expect(remote.read.calls).toBe(reads + 1);
    expect(await cache.entry('k')).toMatchObject({ layer: 'memory', expiresInMs: 1_000 });
  });

  test('of one call comes before that of the cache', async () => {
    const { cache, clock } = await openInstance({ ttl: '1h', memory: { maxEntries: 10, ttl: '10s' } });
    await cache.set('set', 1, { memoryTtl: '1s' });
    await cache.getOrSet('loaded', () => 1, { memoryTtl: '1s' });
    await settled();
    await clock.advance(1_000);
    expect(cache.peek('set')).toBe(undefined);
    expect(cache.peek('loaded')).toBe(undefined);
  });

  test('of one call also caps what it brings back from the shared layer', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 1);
    await settled();
    expect(await b.cache.getOrSet('k', () => 2, { memoryTtl: '1s' })).toBe(1);
    await b.clock.advance(1_000);
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('never exceeds that of the entry', async () => {
    const { cache, clock } = await openInstance({ ttl: 100, memory: { maxEntries: 10, ttl: '1h' } });
    await cache.set('k', 1);
    await clock.advance(100);
    expect(cache.peek('k')).toBe(undefined);
  });

  test('of an entry brought back from the shared layer is what remains, not a fresh one', async () => {
    const [a, b] = await openInstances(2, { ttl: '10s' });
    await a.cache.getOrSet('k', () => 1);
    await settled();
    await a.clock.advance(9_000);
    expect(await b.cache.get('k')).toBe(1);
    expect(await b.cache.entry('k')).toMatchObject({ layer: 'memory', expiresInMs: 1_000 });
    await a.clock.advance(1_000);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe(undefined);
  });

  test('does not depend on the hosts agreeing about the time', async () => {
    const a = await openInstance({ ttl: '10s' });
    const b = await openInstance({ ttl: '10s', hub: a.hub });
    b.clock.stepWall(3_600_000);
    // The step ends the proof; a host that was always wrong has an offset from its first tail on.
    b.remote.alterTail = (reply) => ({ ...reply, authorityMs: reply.authorityMs - 3_600_000 });
    await b.clock.advance(1_000);
    await settled();
    await a.cache.getOrSet('k', () => 1);
    await settled();
    expect(b.remote.partition.view.authorityMs(b.clock.wallMs())).toBe(a.clock.wallMs() + 1_000);
  });
});

test('an entry past its expiry that the shared layer still holds is a counted miss', async () => {
  const { cache, clock, hub } = await openInstance();
  const { epoch } = hub.authority.tail({ member: MEMBER, epoch: undefined, applied: 0 }, 0);
  const header = { codecId: 1, epoch, lease: 0, seq: 0, version: undefined, tags: [] };
  for (const [key, leftMs] of [
    ['past', 0],
    ['alive', 1],
  ] as const) {
    const expiresAtMs = clock.wallMs() + leftMs;
    const bytes = encodeEnvelope({ ...header, expiresAtMs }, msgpack().encode('value'));
    hub.authority.fill([{ key, lease: { epoch, seq: 0 }, ttlMs: 0, bytes }], 0);
  }
  expect(await cache.getMany(['past', 'alive'])).toEqual([undefined, 'value']);
  expect(cache.stats().remote).toMatchObject({ hits: 1, misses: 1, expired: 1 });
});

test('bytes in the shared layer that cannot be read are a counted miss', async () => {
  const { cache, hub } = await openInstance();
  const { epoch } = hub.authority.tail({ member: MEMBER, epoch: undefined, applied: 0 }, 0);
  const header = { codecId: 1, epoch, lease: 0, seq: 0, expiresAtMs: 0, version: undefined, tags: [] };
  const whole = encodeEnvelope(header, msgpack().encode('value'));
  const newer = Buffer.from(whole);
  newer[0] = 9;
  const BYTES: Readonly<Record<string, Uint8Array>> = {
    truncated: whole.subarray(0, 20),
    foreign: Buffer.from('{"value":1}'),
    newer,
    codec: encodeEnvelope({ ...header, codecId: 77 }, msgpack().encode('value')),
    payload: encodeEnvelope(header, Buffer.from([0xc1])),
    empty: Buffer.alloc(0),
  };
  const keys = Object.keys(BYTES);
  for (const [key, bytes] of Object.entries(BYTES)) {
    hub.authority.fill([{ key, lease: { epoch, seq: 0 }, ttlMs: 0, bytes }], 0);
  }
  expect(await cache.getMany(keys)).toEqual(keys.map(() => undefined));
  expect(cache.stats().remote).toMatchObject({ hits: 0, misses: keys.length, unreadable: keys.length });
  expect(await cache.getOrSet('foreign', () => 'loaded')).toBe('loaded');
});

describe('entry()', () => {
  test('tells layer, age, remaining lifetime and tags', async () => {
    const [a, b] = await openInstances(2, { ttl: '10s' });
    await a.cache.getOrSet('k', () => 1, { tags: ['x'], valueTags: () => ['y', 'x'] });
    await settled();
    await a.clock.advance(500);
    expect(await a.cache.entry('k')).toEqual({
      value: 1,
      layer: 'memory',
      ageMs: 500,
      expiresInMs: 9_500,
      tags: ['x', 'y'],
    });
    const found = await b.cache.entry('k');
    expect(found).toMatchObject({ value: 1, layer: 'scripted', expiresInMs: 9_500, tags: ['x', 'y'] });
    expect(await b.cache.entry('none')).toBe(undefined);
  });

  test('counts the age of a loaded value from the start of its load', async () => {
    const { cache, clock } = await openInstance();
    const read = cache.getOrSet('k', () => new Promise((resolve) => clock.after(700, () => resolve(1))));
    await clock.advance(700);
    await read;
    await settled();
    expect(await cache.entry('k')).toMatchObject({ ageMs: 700 });
  });

  test('shows tags as they were given, in namespaces and with any characters', async () => {
    const { cache } = await openInstance();
    for (const at of [cache, cache.namespace('eu'), cache.namespace('eu').namespace('7')]) {
      const tags = ['a', '\0b', '\0:c', 'eu:d', ':'];
      await at.set('k', 1, { tags });
      expect((await at.entry('k'))?.tags).toEqual(tags);
    }
  });
});
