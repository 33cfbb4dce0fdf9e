import { describe, expect, test } from 'vitest';
import { createCache } from '../src/cache.ts';
import type { ErrorCode } from '../src/errors.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, openInstance, openInstances, warm } from './support/instances.ts';
import { begin, FENCE_MS, history } from './support/mutation.ts';
import { partitioned } from './support/partitioned-remote.ts';
import { Hub, ScriptedRemote } from './support/scripted-remote.ts';

describe('a fence', () => {
  test('is renewed every third of its life, for as long as the write runs', async () => {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, { keys: ['k'] }, { fence: '3s' });
    await a.clock.advance(3_000);
    expect(a.remote.renewFence.calls).toBe(3);
    await a.clock.advance(27_000);
    expect(a.remote.renewFence.calls).toBe(30);
    expect(mutation.signal?.aborted).toBe(false);
    expect(await b.cache.set('k', 1)).toMatchObject({ stored: false });
    expect(await mutation.commit()).toMatchObject({ fenced: true });
    await a.clock.advance(10_000);
    expect(a.remote.renewFence.calls).toBe(30);
  });

  test.each(['request', 'reply'] as const)('whose renewal fails at the %s fires the signal', async (moment) => {
    const a = await openInstance();
    const mutation = await begin(a, { keys: ['k'] });
    a.remote.renewFence.fail(moment);
    await a.clock.advance(FENCE_MS / 3 - 1);
    expect(mutation.signal?.aborted).toBe(false);
    await a.clock.advance(2);
    expect(mutation.signal?.reason).toMatchObject({ code: 'FENCE_LOST', cause: { code: 'REMOTE_UNAVAILABLE' } });
    // The write may go on all the same, and is told what it was worth.
    expect(await mutation.commit()).toMatchObject({ value: 'written', delivered: true, fenced: false });
  });

  test('that is gone fires the signal', async () => {
    const a = await openInstance();
    const mutation = await begin(a, { keys: ['k'] });
    a.hub.authority.restart(a.clock.wallMs());
    await a.clock.advance(FENCE_MS / 3 + 1);
    expect(mutation.signal?.reason).toMatchObject({ code: 'FENCE_LOST' });
    expect(await mutation.commit()).toMatchObject({ fenced: false });
  });

  test('that was lost between two renewals is not said to have been closed', async () => {
    const a = await openInstance();
    const mutation = await begin(a, { keys: ['k'] });
    a.hub.authority.restart(a.clock.wallMs());
    expect(await mutation.commit()).toMatchObject({ delivered: true, fenced: false });
  });

  test('that ran out while the process was stopped is not said to have been closed', async () => {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, { keys: ['k'] }, { fence: '3s' });
    a.clock.block(3_100);
    await b.cache.get('x');
    expect(await mutation.commit()).toMatchObject({ delivered: true, fenced: false });
  });

  test('of another length than the default', async () => {
    const a = await openInstance();
    const mutation = await begin(a, { keys: ['k'] }, { fence: '1m' });
    expect(a.remote.fenceChanges[0]).toMatchObject({ lifeMs: 60_000 });
    await mutation.commit();
  });
});

describe('without the shared layer', () => {
  test('the write is not begun', async () => {
    const a = await openInstance();
    a.remote.disconnect();
    let ran = false;
    const mutation = a.cache.mutate({ keys: ['k'] }, () => {
      ran = true;
    });
    await expect(mutation).rejects.toMatchObject({
      code: 'FENCE_UNAVAILABLE',
      cause: { code: 'REMOTE_UNAVAILABLE' },
    });
    expect(ran).toBe(false);
    expect(a.cache.health().journaled).toBe(0);
  });

  test("unfenced: 'run' writes, journals the invalidation, and says so", async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    a.remote.disconnect();
    expect(await a.cache.mutate({ keys: ['k'] }, () => 'written', { unfenced: 'run' })).toEqual({
      value: 'written',
      delivered: false,
      fenced: false,
      linearized: false,
    });
    expect(a.cache.health().journaled).toBe(1);
    expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
    a.remote.connect();
    await settled();
    expect(a.cache.health().journaled).toBe(0);
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('a lift that is not confirmed is journaled, and the fence ends by itself', async () => {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, { keys: ['k'], tags: ['t'] });
    a.remote.disconnect();
    expect(await mutation.commit()).toMatchObject({ value: 'written', delivered: false });
    expect(a.cache.health().journaled).toBe(2);
    a.remote.connect();
    await settled();
    expect(a.cache.health().journaled).toBe(0);
    expect(history(a).map(({ fence }) => fence?.kind)).toEqual(['close', undefined]);
    await a.clock.advance(FENCE_MS + BEAT_MS);
    await settled();
    expect(history(a).map(({ fence }) => fence?.kind)).toEqual(['close', undefined, 'lift']);
    expect(await b.cache.set('k', 1)).toMatchObject({ stored: true });
  });

  test('a close whose reply was lost rejects, and its fence runs out', async () => {
    const a = await openInstance();
    a.remote.invalidate.fail('reply');
    await expect(a.cache.mutate({ keys: ['k'] }, () => 1)).rejects.toMatchObject({ code: 'FENCE_UNAVAILABLE' });
    a.remote.invalidate.pass();
    await a.clock.advance(FENCE_MS + BEAT_MS);
    await settled();
    expect(await a.cache.set('k', 1)).toMatchObject({ stored: true });
  });
});

test('a write that throws still lifts, and its error goes on', async () => {
  const [a, b] = await openInstances(2);
  const broken = new Error('deadlock detected');
  for (const write of [
    () => {
      throw broken;
    },
    () => Promise.reject(broken),
  ]) {
    await expect(a.cache.mutate({ keys: ['k'] }, write)).rejects.toBe(broken);
    expect(a.remote.fenceChanges.at(-1)?.kind).toBe('lift');
    await settled();
    expect(await b.cache.set('k', 1)).toMatchObject({ stored: true });
  }
});

test('own reads during and after see nothing from before', async () => {
  const a = await openInstance();
  await warm([a], 'k', 'old');
  let row = 'old';
  const seen: unknown[] = [];
  a.remote.isBusCut = true;
  await a.cache.mutate({ keys: ['k'] }, async () => {
    seen.push(a.cache.peek('k'), await a.cache.getOrSet('k', () => row));
    row = 'new';
    seen.push(await a.cache.getOrSet('k', () => row));
  });
  expect(seen).toEqual([undefined, 'old', 'new']);
  expect(await a.cache.getOrSet('k', () => row)).toBe('new');
});

describe('over several partitions', () => {
  async function openParts(count: number) {
    const { clock } = await openInstance();
    const hubs = Array.from({ length: count }, () => new Hub());
    const parts = hubs.map((hub) => new ScriptedRemote(hub));
    const cache = createCache({
      name: 'test',
      ttl: '1h',
      memory: { maxEntries: 100 },
      remote: partitioned(parts),
      clock,
    });
    await cache.ready();
    return { cache, parts, hubs };
  }

  test('a key is fenced in its own, a tag or prefix in all', async () => {
    const { cache, parts } = await openParts(4);
    await cache.mutate({ keys: ['k'] }, () => 1);
    expect(parts.map(({ fenceChanges }) => fenceChanges.length).sort()).toEqual([0, 0, 0, 2]);
    await cache.mutate({ keys: ['k'], tags: ['t'] }, () => 1);
    expect(parts.map(({ fenceChanges }) => fenceChanges.length).sort()).toEqual([2, 2, 2, 4]);
    expect(
      parts.flatMap(({ invalidations }) => invalidations.slice(-1)).filter(({ keys }) => keys.length > 0),
    ).toHaveLength(1);
    await cache.close();
  });

  test('when one cannot be closed the others are lifted again, and the write is not begun', async () => {
    const { cache, parts, hubs } = await openParts(3);
    parts[1]?.invalidate.fail();
    let ran = false;
    const mutation = cache.mutate({ tags: ['t'] }, () => {
      ran = true;
    });
    await expect(mutation).rejects.toMatchObject({ code: 'FENCE_UNAVAILABLE' });
    expect(ran).toBe(false);
    expect(hubs.map(({ authority }) => authority.capture().closed.size)).toEqual([0, 0, 0]);
    await cache.close();
  });

  test('one lift that fails is journaled there, and not delivered as a whole', async () => {
    const { cache, parts } = await openParts(3);
    const result = await cache.mutate({ tags: ['t'] }, () => {
      parts[2]?.invalidate.fail();
    });
    expect(result).toMatchObject({ delivered: false, fenced: true });
    expect(cache.health().journaled).toBe(1);
    parts[2]?.invalidate.pass();
    await cache.close();
  });
});

test('past 256 closed fences the next write is refused before it begins', async () => {
  const a = await openInstance();
  const all = [];
  for (let i = 0; i < 256; i++) all.push(await begin(a, { keys: [`k${i}`] }));
  await expect(a.cache.mutate({ keys: ['one more'] }, () => 1)).rejects.toMatchObject({
    code: 'FENCE_UNAVAILABLE',
    cause: { code: 'REMOTE_REJECTED' },
  });
  await all[7]?.commit();
  expect(await a.cache.mutate({ keys: ['one more'] }, () => 1)).toMatchObject({ fenced: true });
  await Promise.all(all.map((mutation) => mutation.commit()));
});

test('in a namespace it concerns that namespace alone', async () => {
  const a = await openInstance();
  const [eu, us] = [a.cache.namespace('eu'), a.cache.namespace('us')];
  await eu.mutate({ keys: ['k'], tags: ['t'], prefixes: ['p:'] }, async () => {
    expect(await eu.set('k', 1)).toMatchObject({ stored: false });
    expect(await eu.set('x', 1, { tags: ['t'] })).toMatchObject({ stored: false });
    expect(await eu.set('p:x', 1)).toMatchObject({ stored: false });
    for (const other of [us, a.cache, eu.namespace('k')]) {
      for (const key of ['k', 'p:x']) expect(await other.set(key, 1, { tags: ['t'] })).toMatchObject({ stored: true });
    }
  });
});

describe('is refused before anything is closed', () => {
  const wrong: readonly (readonly [string, unknown, unknown, unknown, ErrorCode])[] = [
    ['no target', undefined, () => 1, {}, 'INVALID_OPTIONS'],
    ['a target without names', {}, () => 1, {}, 'INVALID_OPTIONS'],
    ['an unknown member of the target', { keys: ['k'], patterns: ['*'] }, () => 1, {}, 'INVALID_OPTIONS'],
    ['keys that are no list', { keys: 'k' }, () => 1, {}, 'INVALID_OPTIONS'],
    ['a wrong key', { keys: [''] }, () => 1, {}, 'INVALID_KEY'],
    ['a wrong tag', { tags: [7] }, () => 1, {}, 'INVALID_TAG'],
    ['a prefix without its colon', { prefixes: ['p'] }, () => 1, {}, 'INVALID_KEY'],
    ['too many names', { keys: Array.from({ length: 501 }, (_, i) => `k${i}`) }, () => 1, {}, 'INVALID_OPTIONS'],
    ['no function', { keys: ['k'] }, 'write', {}, 'INVALID_OPTIONS'],
    ['an unknown option', { keys: ['k'] }, () => 1, { ttl: 1 }, 'INVALID_OPTIONS'],
    ['a fence too short', { keys: ['k'] }, () => 1, { fence: '999ms' }, 'INVALID_OPTIONS'],
    ['a fence too long', { keys: ['k'] }, () => 1, { fence: '11m' }, 'INVALID_OPTIONS'],
    ['a fence that is no duration', { keys: ['k'] }, () => 1, { fence: 'long' }, 'INVALID_DURATION'],
    ['an unknown consistency', { keys: ['k'] }, () => 1, { consistency: 'strong' }, 'INVALID_OPTIONS'],
    ['an unknown word for unfenced', { keys: ['k'] }, () => 1, { unfenced: true }, 'INVALID_OPTIONS'],
  ];
  test.each(wrong)('%s', async (_name, target, write, options, code) => {
    const a = await openInstance();
    await expectCode(code, () => a.cache.mutate(target as never, write as never, options as never));
    expect(a.remote.invalidations).toEqual([]);
  });

  test('a closed cache', async () => {
    const a = await openInstance();
    await a.cache.close();
    await expect(a.cache.mutate({ keys: ['k'] }, () => 1)).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });
});
