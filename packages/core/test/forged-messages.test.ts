// Whoever may publish on the channel may make an instance forget, and nothing more: no message keeps it from caching.

import { describe, expect, test } from 'vitest';
import type { FenceChange, Invalidation } from '../src/coherence/coordinator.ts';
import { NOTHING } from '../src/wire/event.ts';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, type Instance, openInstances, warm } from './support/instances.ts';

const FAR = 2 ** 40;
const CLOSED: FenceChange = { kind: 'close', id: 'forged', lifeMs: 30_000, isExclusive: true };

function forge({ remote }: Instance, seq: number, invalidation: Partial<Invalidation>, fence?: FenceChange): void {
  const { epoch = '' } = remote.partition.view;
  remote.listener.onMessage({ epoch, seq, invalidation: { ...NOTHING, ...invalidation }, fence });
}

/** What is loaded is stored and kept, found by the other instance, and forgotten when it is deleted. */
async function expectWorking(instance: Instance, other: Instance, key: string): Promise<void> {
  await other.cache.delete(key);
  await settled();
  await warm([instance], key, 'cached', ['t']);
  expect(await other.cache.get(key)).toBe('cached');
  await instance.cache.set(key, 'set', { tags: ['t'] });
  expect(instance.cache.peek(key)).toBe('set');
  expect(await other.cache.get(key)).toBe('set');
  await other.cache.delete(key);
  await settled();
  expect(instance.cache.peek(key)).toBe(undefined);
  await warm([instance], key, 'again', ['t']);
  await other.cache.invalidateTags(['t']);
  await settled();
  expect(instance.cache.peek(key)).toBe(undefined);
}

const CONTENTS: readonly [name: string, invalidation: Partial<Invalidation>, fence?: FenceChange][] = [
  ['a key', { keys: ['p:k'] }],
  ['a tag', { tags: ['t'] }],
  ['a prefix', { prefixes: ['p:'] }],
  ['a pattern', { patterns: ['p:*'] }],
  ['the whole cache', { clear: true }],
  ['a fence', { keys: ['p:k'], tags: ['t'] }, CLOSED],
];

// Symptom: one message with a number far too high, and every load was refused until the process was started anew.
describe('a forged message of a number far too high', () => {
  for (const [name, invalidation, fence] of CONTENTS) {
    test(`that names ${name} makes forget, and after the tail it asks for all is as before`, async () => {
      const [a, b] = await openInstances(2);
      await warm([a, b], 'p:k', 'value', ['t']);
      a.remote.tail.hold('request');
      forge(a, FAR, invalidation, fence);
      await settled();
      expect(a.cache.peek('p:k')).toBe(undefined);
      a.remote.tail.pass();
      a.remote.tail.release();
      await settled();
      await expectWorking(a, b, 'p:k');
      await expectWorking(b, a, 'p:k');
    });
  }

  test('dates no load, not even before a tail has spoken', async () => {
    const [a, b] = await openInstances(2);
    a.remote.tail.hold('request');
    forge(a, FAR, { keys: ['x'] });
    await warm([a], 'k', 'value');
    expect(await b.cache.get('k')).toBe('value');
    expect(a.remote.partition.view.lease()?.seq).toBe(0);
    a.remote.tail.pass();
    a.remote.tail.release();
  });

  test('leaves a set under way as it would leave one that another writer contests', async () => {
    const [a, b] = await openInstances(2);
    a.remote.set.hold('request');
    const set = a.cache.set('k', 'value');
    await settled();
    forge(a, FAR, { keys: ['k'] });
    a.remote.set.pass();
    a.remote.set.release();
    expect((await set).stored).toBe(true);
    expect(a.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe('value');
    await expectWorking(a, b, 'k');
  });
});

describe('a forged message of the next number', () => {
  for (const [name, invalidation, fence] of CONTENTS) {
    test(`that names ${name} is found out by the next tail`, async () => {
      const [a, b] = await openInstances(2);
      await b.cache.delete('x');
      await settled();
      await warm([a, b], 'p:k', 'value', ['t']);
      forge(a, 2, invalidation, fence);
      expect(a.cache.peek('p:k')).toBe(undefined);
      await a.clock.advance(BEAT_MS + 1);
      await settled();
      const { view } = a.remote.partition;
      expect([view.applied, view.known]).toEqual([1, 1]);
      expect(a.cache.health().state).toBe('coherent');
      await expectWorking(a, b, 'p:k');
      const { resyncs } = a.cache.stats().invalidations;
      await a.clock.advance(5 * BEAT_MS);
      expect(a.cache.stats().invalidations.resyncs).toBe(resyncs);
    });
  }

  // Symptom: the snapshot that finds it out was from before an own call, whose effect went with the rest while the proof stood.
  test('takes no own invalidation with it when it is found out', async () => {
    const [a, b] = await openInstances(2);
    await b.cache.delete('x');
    await settled();
    await warm([b, a], 'k', 'old', ['t']);
    await a.clock.advance(2 * BEAT_MS + 2);
    await settled();
    forge(a, 2, { keys: ['y'] });
    a.remote.tail.hold('reply');
    await a.clock.advance(BEAT_MS + 1);
    await settled();
    expect(await a.cache.invalidateTags(['t'])).toMatchObject({ delivered: true });
    a.remote.tail.pass();
    a.remote.tail.hold('request');
    a.remote.tail.release();
    await settled();
    const read = a.cache.get('k');
    await settled();
    a.remote.tail.pass();
    a.remote.tail.release();
    await settled();
    expect(await read).toBe(undefined);
    await expectWorking(a, b, 'k');
  });
});
