import { describe, expect, test, vi } from 'vitest';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import {
  BEAT_MS,
  ControlledLoader,
  expectIdle,
  openInstance,
  openInstances,
  startInstance,
} from './support/instances.ts';

describe('a set', () => {
  test('is stored in both layers and makes the others forget', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    expect(await b.cache.get('k')).toBe('old');
    expect(await a.cache.set('k', 'new')).toEqual({ stored: true, outdated: false, delivered: true });
    await settled();
    expect(a.cache.peek('k')).toBe('new');
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe('new');
    expectIdle(a, b);
  });

  test('survives the echo of its own event', async () => {
    const [a] = await openInstances(2);
    a.remote.isBusHeld = true;
    await a.cache.set('k', 1);
    a.remote.deliver();
    await settled();
    expect(a.cache.peek('k')).toBe(1);
  });

  test('whose event comes before its reply is kept', async () => {
    const [a] = await openInstances(2);
    a.remote.set.hold('reply');
    const set = a.cache.set('k', 1);
    await settled();
    expect(a.remote.partition.view.applied).toBe(1);
    a.remote.set.release();
    await set;
    expect(a.cache.peek('k')).toBe(1);
  });

  test('that could not be sent is undelivered, and journaled as an invalidation', async () => {
    const { cache, clock, hub } = await openInstance();
    await cache.set('k', 1);
    const tick = vi.spyOn(clock, 'endOfTick').mockImplementation(() => {
      throw new Error('the test broke it');
    });
    expect(await cache.set('k', 2)).toEqual({ stored: false, outdated: false, delivered: false });
    tick.mockRestore();
    expect(cache.health().journaled).toBe(1);
    expect(cache.peek('k')).toBe(undefined);
    await clock.advance(BEAT_MS);
    expect(cache.health().journaled).toBe(0);
    expect(hub.stored('k')).toBe(undefined);
  });

  test('that conflicts with one on another instance is refused, and all forget', async () => {
    const [a, b] = await openInstances(2);
    for (const { remote } of [a, b]) remote.isBusHeld = true;
    const results = await Promise.all([a.cache.set('k', 'a'), b.cache.set('k', 'b')]);
    expect(results).toEqual([
      { stored: true, outdated: false, delivered: true },
      { stored: false, outdated: false, delivered: true },
    ]);
    for (const { remote } of [a, b]) remote.deliver();
    await settled();
    const seen = await Promise.all([a, b].map(({ cache }) => cache.getOrSet('k', () => 'truth')));
    expect(seen).toEqual(['truth', 'truth']);
    await settled();
    expectIdle(a, b);
  });

  test('with conflicts in any order of delivery leaves all agreeing', async () => {
    for (const heldFirst of ['a', 'b'] as const) {
      const [a, b] = await openInstances(2);
      const [held, free] = heldFirst === 'a' ? [a, b] : [b, a];
      held.remote.set.hold();
      const slow = held.cache.set('k', 'slow');
      await settled();
      await free.cache.set('k', 'fast');
      held.remote.set.release();
      expect(await slow).toEqual({ stored: false, outdated: false, delivered: true });
      await settled();
      expect(a.cache.peek('k')).toBe(undefined);
      expect(b.cache.peek('k')).toBe(undefined);
      expect(a.hub.stored('k')).toBe(undefined);
    }
  });

  test('stored, whose reply is overtaken by an event on the key, does not enter memory', async () => {
    const [a, b] = await openInstances(2);
    a.remote.set.hold('reply');
    const set = a.cache.set('k', 'a');
    await settled();
    await b.cache.delete('k');
    await settled();
    a.remote.set.release();
    expect(await set).toEqual({ stored: true, outdated: false, delivered: true });
    expect(a.cache.peek('k')).toBe(undefined);
    expect(await a.cache.get('k')).toBe(undefined);
  });

  test('takes the value from a load under way, which is kept nowhere', async () => {
    const a = await openInstance();
    const loader = new ControlledLoader<string>();
    const slow = a.cache.getOrSet('k', loader.load);
    await settled();
    await a.clock.advance(1);
    await a.cache.set('k', 'set');
    const late = a.cache.getOrSet('k', loader.load);
    expect(await late).toBe('set');
    loader.answer('old');
    expect(await slow).toBe('old');
    await settled();
    expect(a.cache.peek('k')).toBe('set');
    expect(await a.cache.get('k')).toBe('set');
    expectIdle(a);
  });

  test('does not enter memory when a load of the key began after its call', async () => {
    const a = await openInstance();
    a.remote.isBusCut = true;
    a.remote.set.hold('reply');
    const set = a.cache.set('k', 'set');
    await settled();
    const loader = new ControlledLoader<string>();
    a.remote.read.fail();
    const read = a.cache.getOrSet('k', loader.load);
    await settled();
    a.remote.set.release();
    expect(await set).toEqual({ stored: true, outdated: false, delivered: true });
    expect(a.cache.peek('k')).toBe(undefined);
    loader.answer('loaded');
    await read;
    await settled();
    expectIdle(a);
  });

  test('is judged by the versions of its tags from its call on', async () => {
    const [a, b] = await openInstances(2);
    a.remote.set.hold();
    const set = a.cache.set('k', 'value', { tags: ['t'] });
    await settled();
    await b.cache.invalidateTags(['t']);
    a.remote.set.release();
    await set;
    await settled();
    for (const { cache } of [a, b]) expect(await cache.get('k')).toBe(undefined);
  });

  for (const moment of ['request', 'reply'] as const) {
    test(`that fails at the ${moment} is journaled as an invalidation and never repeated`, async () => {
      const [a, b] = await openInstances(2);
      await a.cache.set('k', 'old');
      a.remote.set.fail(moment);
      expect(await a.cache.set('k', 'new')).toEqual({ stored: false, outdated: false, delivered: false });
      expect(a.cache.health().journaled).toBe(1);
      expect(a.cache.peek('k')).toBe(undefined);
      expect(await a.cache.get('k')).toBe(undefined);
      const sets = a.remote.set.calls;
      a.remote.set.pass();
      await a.clock.advance(BEAT_MS + 1);
      await settled();
      expect(a.cache.health().journaled).toBe(0);
      expect(a.remote.set.calls).toBe(sets);
      for (const { cache } of [a, b]) expect(await cache.get('k')).toBe(undefined);
      expectIdle(a, b);
    });
  }
});

describe('setMany', () => {
  test('answers for each item, in order', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusHeld = true;
    await a.cache.set('taken', 1);
    const results = await b.cache.setMany([
      { key: 'free', value: 1 },
      { key: 'taken', value: 2 },
    ]);
    expect(results).toEqual([
      { stored: true, outdated: false, delivered: true },
      { stored: false, outdated: false, delivered: true },
    ]);
  });

  test('writes nothing when one item is invalid', async () => {
    const { cache, remote } = await openInstance();
    const good = { key: 'good', value: 1 };
    const BAD: readonly [string, unknown][] = [
      ['INVALID_KEY', { key: '', value: 1 }],
      ['UNDEFINED_VALUE', { key: 'k', value: undefined }],
      ['UNSERIALIZABLE_VALUE', { key: 'k', value: () => 1 }],
      ['INVALID_DURATION', { key: 'k', value: 1, ttl: 0 }],
      ['INVALID_TAG', { key: 'k', value: 1, tags: [''] }],
      ['INVALID_OPTIONS', { key: 'k', value: 1, expires: 1 }],
      ['INVALID_OPTIONS', null],
    ];
    for (const [code, bad] of BAD) await expectCode(code as never, () => cache.setMany([good, bad as never]));
    await expectCode('INVALID_OPTIONS', () => cache.setMany({} as never));
    expect(remote.log).toEqual([]);
    expect(cache.peek('good')).toBe(undefined);
  });
});

describe('a value over maxValueBytes', () => {
  const big = 'x'.repeat(1_000);

  test('is kept in memory only, and told', async () => {
    const [a, b] = await openInstances(2, { maxValueBytes: 500 });
    const events: { bytes: number; limit: number }[] = [];
    a.cache.on('oversize', (event) => events.push(event));
    await a.cache.set('k', 'small');
    await settled();
    expect(await b.cache.get('k')).toBe('small');
    expect(await a.cache.set('k', big)).toEqual({ stored: false, outdated: false, delivered: true });
    await settled();
    expect(a.cache.peek('k')).toBe(big);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe(undefined);
    expect(await a.cache.getOrSet('l', () => big)).toBe(big);
    await settled();
    expect(a.cache.peek('l')).toBe(big);
    expect(a.hub.stored('l')).toBe(undefined);
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ limit: 500 });
    expect(events[0]?.bytes).toBeGreaterThanOrEqual(1_000);
    expect(a.cache.stats().remote.oversized).toBe(2);
  });

  test('rejects where that is asked for, before anything is written', async () => {
    const { cache, remote } = await openInstance({ maxValueBytes: 500, onOversize: 'throw' });
    await cache.set('k', 'small');
    const calls = remote.log.length;
    const error = await expectCode('VALUE_TOO_LARGE', () => cache.set('k', big));
    expect(error.facts).toMatchObject({ subject: 'maxValueBytes', limit: 500 });
    await expectCode('VALUE_TOO_LARGE', () => cache.getOrSet('l', () => big));
    expect(remote.log.slice(calls).filter(({ call }) => call !== 'read')).toEqual([]);
    expect(cache.peek('k')).toBe('small');
  });
});

// Symptom: it was dated when it was sent, after events that had come since the call.
test('a set that was called before anything was known of the sequence is not stored', async () => {
  const { cache, hub, remote } = startInstance();
  const set = cache.set('k', 'v');
  await cache.ready();
  expect(await set).toEqual({ stored: false, outdated: false, delivered: true });
  expect(hub.stored('k')).toBe(undefined);
  expect(remote.log.map(({ call }) => call)).toEqual(['invalidate']);
  expect(await cache.set('k', 'v')).toMatchObject({ stored: true });
});
