import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, ControlledLoader, expectIdle, openInstance, openInstances, warm } from './support/instances.ts';
import { begin, FENCE_MS, history } from './support/mutation.ts';

const TARGETS = {
  key: { keys: ['p:k'] },
  tag: { tags: ['t'] },
  prefix: { prefixes: ['p:'] },
} as const;

describe.each(Object.entries(TARGETS))('a guarded write of a %s', (kind, target) => {
  const tags = kind === 'tag' ? ['t'] : [];

  test('ends what was cached, everywhere, and again when it has ended', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'p:k', 'old', tags);
    const mutation = await begin(a, target);
    expect([a.cache.peek('p:k'), b.cache.peek('p:k')]).toEqual([undefined, undefined]);
    expect(await b.cache.get('p:k')).toBe(undefined);
    expect(await mutation.commit()).toEqual({ value: 'written', delivered: true, fenced: true, linearized: false });
    const [close, lift] = a.remote.fenceChanges;
    expect(close).toMatchObject({ kind: 'close', lifeMs: FENCE_MS, isExclusive: false });
    expect(lift).toEqual({ kind: 'lift', id: close?.id });
    expectIdle(a, b);
  });

  test('refuses fills: a load that began before it, under it, and ended under it or after it', async () => {
    for (const began of ['before', 'under'] as const) {
      for (const ends of ['under', 'after'] as const) {
        const [a, b] = await openInstances(2);
        const loader = new ControlledLoader<string>();
        const slow = began === 'before' ? b.cache.getOrSet('p:k', loader.load, { tags }) : undefined;
        await settled();
        const mutation = await begin(a, target);
        const read = slow ?? b.cache.getOrSet('p:k', loader.load, { tags });
        await settled();
        if (ends === 'after') await mutation.commit();
        loader.answer('old');
        expect(await read).toBe('old');
        await settled();
        expect(b.hub.stored('p:k'), `${began}, ${ends}`).toBe(undefined);
        expect(b.cache.peek('p:k')).toBe(undefined);
        if (ends === 'under') await mutation.commit();
        expect(await b.cache.getOrSet('p:k', () => 'new', { tags })).toBe('new');
        await settled();
        expect(b.cache.peek('p:k')).toBe('new');
        expectIdle(a, b);
      }
    }
  });

  test('refuses fills of an instance that has not heard of it', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusCut = true;
    const mutation = await begin(a, target);
    expect(await b.cache.getOrSet('p:k', () => 'old', { tags })).toBe('old');
    await settled();
    expect(b.hub.stored('p:k')).toBe(undefined);
    expect(b.cache.peek('p:k')).toBe(undefined);
    await mutation.commit();
  });

  test('refuses sets: they become invalidations', async () => {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, target);
    for (const { cache } of [a, b]) {
      expect(await cache.set('p:k', 'raced', { tags })).toEqual({ stored: false, outdated: false, delivered: true });
      expect(cache.peek('p:k')).toBe(undefined);
    }
    expect(a.hub.stored('p:k')).toBe(undefined);
    await mutation.commit();
    expect(await b.cache.set('p:k', 'later', { tags })).toMatchObject({ stored: true });
  });

  test('leaves what it does not cover alone', async () => {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, target);
    await warm([a, b], 'other', 'value', ['s']);
    expect(await a.cache.set('p', 1)).toMatchObject({ stored: true });
    expect(await a.cache.namespace('eu').set('p:k', 1, { tags: ['t'] })).toMatchObject({ stored: true });
    await mutation.commit();
    expect(b.cache.peek('other')).toBe('value');
  });

  test('also where only a snapshot tells of it', async () => {
    const a = await openInstance();
    const mutation = await begin(a, target);
    const late = await openInstance({ hub: a.hub, clock: a.clock });
    const loader = new ControlledLoader<string>();
    const read = late.cache.getOrSet('p:k', loader.load, { tags });
    await settled();
    await mutation.commit();
    loader.answer('old');
    expect(await read).toBe('old');
    await settled();
    expect(a.hub.stored('p:k')).toBe(undefined);
    expect(late.cache.peek('p:k')).toBe(undefined);
  });
});

test('a fence that only a snapshot tells of keeps loads apart and values over the limit out of memory', async () => {
  const a = await openInstance();
  const mutation = await begin(a, { keys: ['k', 'big'] }, { consistency: 'linearizable' });
  const late = await openInstance({ hub: a.hub, clock: a.clock, maxValueBytes: 64 });
  const loader = new ControlledLoader<string>();
  const reads = [1, 2].map(() => late.cache.getOrSet('k', loader.load));
  await settled();
  expect(loader.calls).toBe(2);
  for (const run of [0, 1]) loader.answer('old', run);
  await Promise.all(reads);
  // Nothing asks the shared layer whether it may be kept.
  await late.cache.getOrSet('big', () => 'x'.repeat(100));
  await settled();
  expect(late.cache.peek('big')).toBe(undefined);
  void mutation.commit();
  await a.clock.advance(5 * BEAT_MS);
  await mutation.result;
});

test('a load under a fence whose tags are computed from its value is kept nowhere', async () => {
  for (const fenced of ['t', 'elsewhere']) {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, { tags: [fenced] });
    const loader = new ControlledLoader<string>();
    const read = b.cache.getOrSet('k', loader.load, { valueTags: () => ['t'] });
    await settled();
    await mutation.commit();
    loader.answer('old');
    expect(await read).toBe('old');
    await settled();
    // Whether its tags are among those fenced was not known when it began.
    expect(b.hub.stored('k')).toBe(undefined);
    expect(b.cache.peek('k')).toBe(undefined);
  }
});

describe('11: two guarded writes of one name', () => {
  test('the end of the second leaves the fence of the first closed', async () => {
    const [a, b] = await openInstances(2);
    const first = await begin(a, { keys: ['k'] });
    const second = await begin(b, { keys: ['k'], tags: ['t'] });
    await second.commit();
    expect(await b.cache.getOrSet('k', () => 'old')).toBe('old');
    expect(await b.cache.set('k', 'old')).toMatchObject({ stored: false });
    await settled();
    expect(b.hub.stored('k')).toBe(undefined);
    expect(b.remote.partition.view.fences.size).toBe(1);
    await first.commit();
    await settled();
    expect(b.remote.partition.view.fences.size).toBe(0);
    expect(await b.cache.getOrSet('k', () => 'new')).toBe('new');
    await settled();
    expect(b.cache.peek('k')).toBe('new');
  });
});

describe('12: the process dies inside a guarded write', () => {
  test.each(Object.entries(TARGETS))(
    '%s: the fence runs out as an event, and a load from inside is not stored',
    async (kind, target) => {
      const [a, b] = await openInstances(2);
      await begin(a, target);
      a.remote.disconnect();
      const loader = new ControlledLoader<string>();
      const read = b.cache.getOrSet('p:k', loader.load, { tags: kind === 'tag' ? ['t'] : [], loadTimeout: 'off' });
      await b.clock.advance(FENCE_MS - 1);
      expect(history(b).at(-1)?.fence?.kind).toBe('close');
      await b.clock.advance(1 + BEAT_MS);
      await settled();
      const [close, lift, ...more] = history(b);
      expect(lift?.fence).toEqual({ kind: 'lift', id: close?.fence?.id });
      expect(lift?.invalidation).toEqual(close?.invalidation);
      expect(more).toEqual([]);
      expect(b.remote.partition.view.fences.size).toBe(0);
      loader.answer('old');
      expect(await read).toBe('old');
      await settled();
      expect(b.hub.stored('p:k')).toBe(undefined);
      expect(b.cache.peek('p:k')).toBe(undefined);
      expect(await b.cache.getOrSet('p:k', () => 'new')).toBe('new');
      await settled();
      expect(b.cache.peek('p:k')).toBe('new');
    },
  );

  test('a load that began before it and never heard of it is not stored either', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusCut = true;
    const loader = new ControlledLoader<string>();
    const read = b.cache.getOrSet('k', loader.load, { tags: ['t'], loadTimeout: 'off' });
    await settled();
    b.remote.tail.fail();
    await begin(a, { tags: ['t'] });
    a.remote.disconnect();
    await b.clock.advance(FENCE_MS + 1);
    loader.answer('old');
    expect(await read).toBe('old');
    await settled();
    b.remote.tail.pass();
    await b.clock.advance(BEAT_MS);
    await settled();
    expect(await b.cache.get('k')).toBe(undefined);
  });
});
