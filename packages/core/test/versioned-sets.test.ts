import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { expectIdle, type Instance, openInstance, openInstances, PAST_LEASE_MS } from './support/instances.ts';

/** What every instance answers from the layers, once with a warm memory and once after it was ended. */
async function answers(instances: readonly Instance[], key: string): Promise<unknown[]> {
  await settled();
  const values: unknown[] = [];
  for (const { cache } of instances) values.push(await cache.get(key));
  return values;
}

describe('a set with a version', () => {
  test('never goes back: a lower one leaves what is stored, and says so', async () => {
    const [a, b] = await openInstances(2);
    expect(await a.cache.set('k', 'v5', { version: 5 })).toEqual({ stored: true, outdated: false, delivered: true });
    await settled();
    for (const { cache } of [a, b]) {
      expect(await cache.set('k', 'v4', { version: 4 })).toEqual({ stored: false, outdated: true, delivered: true });
      expect(cache.peek('k')).toBe(undefined);
      expect(await answers([a, b], 'k')).toEqual(['v5', 'v5']);
    }
    expectIdle(a, b);
  });

  test('a lower one that was on its way when the higher was stored does not win either', async () => {
    const [a, b] = await openInstances(2);
    a.remote.set.hold();
    const late = a.cache.set('k', 'v1', { version: 1 });
    await settled();
    await b.cache.set('k', 'v2', { version: 2 });
    a.remote.set.release();
    expect(await late).toMatchObject({ stored: false, outdated: true });
    expect(await answers([a, b], 'k')).toEqual(['v2', 'v2']);
  });

  test('a higher one wins although it conflicts, and is kept in no memory before everybody heard of it', async () => {
    const [a, b] = await openInstances(2);
    await b.cache.set('k', 'v1', { version: 1 });
    await settled();
    a.remote.set.hold();
    const late = a.cache.set('k', 'v3', { version: 3 });
    await settled();
    await b.cache.set('k', 'v2', { version: 2 });
    a.remote.set.release();
    expect(await late).toMatchObject({ stored: true, outdated: false });
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await answers([a, b], 'k')).toEqual(['v3', 'v3']);
  });

  test('the same version again is stored again', async () => {
    const [a] = await openInstances(2);
    await a.cache.set('k', 'first', { version: 0 });
    expect(await a.cache.set('k', 'again', { version: 0 })).toMatchObject({ stored: true });
    expect(await a.cache.get('k')).toBe('again');
  });

  test('beside one without, a conflict is a conflict', async () => {
    for (const versions of [
      [undefined, 7],
      [7, undefined],
      [undefined, undefined],
    ] as const) {
      const [a, b] = await openInstances(2);
      const [first, second] = versions.map((version) => (version === undefined ? {} : { version })) as [object, object];
      a.remote.set.hold();
      const late = a.cache.set('k', 'late', second);
      await settled();
      await b.cache.set('k', 'first', first);
      a.remote.set.release();
      expect(await late).toMatchObject({ stored: false, outdated: false });
      expect(await answers([a, b], 'k')).toEqual([undefined, undefined]);
    }
  });

  // Symptom: the lower one said that it was in conflict, unless it had been called last.
  test.each([
    [
      [1, 2],
      [true, false],
    ],
    [
      [2, 1],
      [false, true],
    ],
    [
      [1, 3, 2],
      [true, false, true],
    ],
  ])('of %j in one tick the lower ones are outdated', async (versions, areOutdated) => {
    const [a] = await openInstances(1);
    const results = await Promise.all(versions.map((version) => a.cache.set('k', `v${version}`, { version })));
    expect(results.map(({ outdated }) => outdated)).toEqual(areOutdated);
    expect(results.map(({ stored }) => stored)).toEqual(areOutdated.map((isOutdated) => !isOutdated));
    expect(await a.cache.get('k')).toBe(`v${Math.max(...versions)}`);
  });

  test('of the same version twice in one tick the later one counts, and the other one was in conflict', async () => {
    const [a] = await openInstances(1);
    const results = await Promise.all(['first', 'last'].map((value) => a.cache.set('k', value, { version: 7 })));
    expect(results).toMatchObject([
      { stored: false, outdated: false },
      { stored: true, outdated: false },
    ]);
    expect(await a.cache.get('k')).toBe('last');
  });

  test('one without a version replaces one with, and forgets it', async () => {
    const [a] = await openInstances(2);
    await a.cache.set('k', 'v9', { version: 9 });
    expect(await a.cache.set('k', 'plain')).toMatchObject({ stored: true });
    expect(await a.cache.set('k', 'v1', { version: 1 })).toMatchObject({ stored: true });
  });

  test('after a delete between call and arrival it is refused, whatever its version', async () => {
    const [a, b] = await openInstances(2);
    await b.cache.set('k', 'v1', { version: 1 });
    await settled();
    a.remote.set.hold();
    const late = a.cache.set('k', 'v2', { version: 2 });
    await settled();
    await b.cache.delete('k');
    a.remote.set.release();
    expect(await late).toMatchObject({ stored: false, outdated: false });
    expect(await answers([a, b], 'k')).toEqual([undefined, undefined]);
    a.remote.set.pass();
    expect(await a.cache.set('k', 'v1', { version: 1 })).toMatchObject({ stored: true });
  });

  test('one whose tag was invalidated since the call is stored and void', async () => {
    const [a, b] = await openInstances(2);
    await b.cache.set('k', 'v1', { version: 1, tags: ['t'] });
    await settled();
    a.remote.set.hold();
    const late = a.cache.set('k', 'v2', { version: 2, tags: ['t'] });
    await settled();
    await b.cache.invalidateTags(['t']);
    a.remote.set.release();
    await late;
    expect(await answers([a, b], 'k')).toEqual([undefined, undefined]);
  });

  test('under a fence over its tag is refused, although what is stored is lower', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.set('k', 'v1', { version: 1, tags: ['t'] });
    await a.cache.mutate({ tags: ['t'] }, async () => {
      expect(a.hub.stored('k')).not.toBe(undefined);
      expect(await b.cache.set('k', 'v2', { version: 2, tags: ['t'] })).toMatchObject({
        stored: false,
        outdated: false,
      });
    });
    expect(await answers([a, b], 'k')).toEqual([undefined, undefined]);
  });

  test('that comes too late makes nobody forget what stays', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.set('k', 'v5', { version: 5 });
    await settled();
    expect(await answers([a, b], 'k')).toEqual(['v5', 'v5']);
    const { seq } = a.hub.authority.capture();
    expect(await a.cache.set('k', 'v4', { version: 4 })).toEqual({ stored: false, outdated: true, delivered: true });
    await settled();
    expect(a.hub.authority.capture().seq).toBe(seq);
    expect(b.cache.peek('k')).toBe('v5');
    expect(await answers([a, b], 'k')).toEqual(['v5', 'v5']);
  });

  // Symptom: a tag was invalidated, the row loaded again, and a late set of an older row replaced that.
  test('is held against the version that a load has replaced', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.set('k', 'v5', { version: 5, tags: ['t'] });
    await a.cache.invalidateTags(['t']);
    expect(await b.cache.getOrSet('k', () => 'loaded', { tags: ['t'] })).toBe('loaded');
    await settled();
    expect(await a.cache.set('k', 'v4', { version: 4 })).toMatchObject({ stored: false, outdated: true });
    expect(await answers([a, b], 'k')).toEqual(['loaded', 'loaded']);
    expect(await a.cache.set('k', 'v6', { version: 6 })).toMatchObject({ stored: true });
  });

  test('of another epoch counts for nothing', async () => {
    const [a] = await openInstances(2);
    await a.cache.set('k', 'v9', { version: 9 });
    a.hub.authority.lose();
    a.hub.authority.open(a.hub.authority.timeline, 'b'.repeat(32), a.clock.wallMs());
    await a.clock.advance(PAST_LEASE_MS);
    await settled();
    expect(await a.cache.set('k', 'v1', { version: 1 })).toMatchObject({ stored: true, outdated: false });
  });

  test('in setMany each item has its own', async () => {
    const a = await openInstance();
    await a.cache.set('x', 'v5', { version: 5 });
    const results = await a.cache.setMany([
      { key: 'x', value: 'v4', version: 4 },
      { key: 'y', value: 'v4', version: 4 },
      { key: 'z', value: 'plain' },
    ]);
    expect(results.map(({ stored, outdated }) => [stored, outdated])).toEqual([
      [false, true],
      [true, false],
      [true, false],
    ]);
    expect(await a.cache.getMany(['x', 'y', 'z'])).toEqual(['v5', 'v4', 'plain']);
  });

  test('is refused where it is no whole number from 0 to 2^53 - 2', async () => {
    const { cache, remote } = await openInstance();
    for (const version of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER, '1', 1n, null]) {
      await expectCode('INVALID_OPTIONS', () => cache.set('k', 1, { version: version as never }));
    }
    expect(remote.log).toEqual([]);
    for (const version of [0, Date.UTC(2030), Number.MAX_SAFE_INTEGER - 1]) {
      expect(await cache.set('k', 1, { version })).toMatchObject({ stored: true });
    }
  });
});

test('whatever order sets of rising versions arrive in, no instance goes back', async () => {
  const step = fc.record({ writer: fc.nat({ max: 2 }), lag: fc.nat({ max: 3 }), reader: fc.nat({ max: 2 }) });
  const run = fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
    const all = await openInstances(3);
    const seen = all.map(() => 0);
    const read = async (index: number): Promise<void> => {
      const value = (await all[index]?.cache.get<number>('k')) ?? 0;
      if (value !== 0) {
        expect(value).toBeGreaterThanOrEqual(seen[index] ?? 0);
        seen[index] = value;
      }
    };
    // Each writer has a number of its own to write, in the order of the source, and sends it when it gets to it.
    const waiting: { at: Instance; release: number; sets: Promise<unknown>[] }[] = [];
    for (const [index, { writer, lag, reader }] of steps.entries()) {
      const at = all[writer] as Instance;
      at.remote.set.hold();
      const sets = [at.cache.set('k', index + 1, { version: index + 1 })];
      await settled();
      waiting.push({ at, release: index + lag, sets });
      for (const held of waiting.filter(({ release }) => release === index)) held.at.remote.set.releaseLast();
      await settled();
      await read(reader);
    }
    for (const { at } of waiting) {
      at.remote.set.pass();
      at.remote.set.release();
    }
    await Promise.all(waiting.flatMap(({ sets }) => sets));
    await settled();
    for (const index of all.keys()) await read(index);
    // The newest is what stays, or nothing: another writer's conflict may have ended an unversioned state.
    const final = await answers(all, 'k');
    expect(new Set(final).size).toBe(1);
    expect([steps.length, undefined]).toContain(final[0]);
    for (const { cache } of all) await cache.close();
  });
  await fc.assert(run, { numRuns: 60 });
});
