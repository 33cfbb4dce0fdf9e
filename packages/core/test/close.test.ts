import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import type { Cache } from '../src/cache.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { expectIdle, type Instance, openInstance, startInstance } from './support/instances.ts';

const CALLS: readonly [string, (cache: Cache) => unknown][] = [
  ['peek', (cache) => cache.peek('k')],
  ['get', (cache) => cache.get('k')],
  ['entry', (cache) => cache.entry('k')],
  ['getOrSet', (cache) => cache.getOrSet('k', () => 1)],
  ['getMany', (cache) => cache.getMany(['k'])],
  ['getMany of nothing', (cache) => cache.getMany([])],
  ['set', (cache) => cache.set('k', 1)],
  ['setMany', (cache) => cache.setMany([{ key: 'k', value: 1 }])],
  ['delete', (cache) => cache.delete('k')],
  ['deleteMany', (cache) => cache.deleteMany(['k'])],
  ['deleteMany of nothing', (cache) => cache.deleteMany([])],
  ['invalidateTags', (cache) => cache.invalidateTags(['t'])],
  ['invalidateTags of nothing', (cache) => cache.invalidateTags([])],
  ['invalidatePrefix', (cache) => cache.invalidatePrefix('p:')],
  ['clear', (cache) => cache.clear()],
  ['a namespace', (cache) => cache.namespace('eu').get('k')],
  ['a keyspace', (cache) => cache.keyspace('user:{id}').get({ id: 1 })],
];

/** Nothing under way can be marked; the result mends it. */
function failingMark({ remote }: Instance): () => void {
  const mark = vi.spyOn(remote.partition.view.activity, 'mark').mockImplementation(() => {
    throw new Error('the test broke it');
  });
  return () => mark.mockRestore();
}

/** A clock that takes no calls for the end of the tick; the result mends it. */
function failingTick({ clock }: Instance): () => void {
  const tick = vi.spyOn(clock, 'endOfTick').mockImplementation(() => {
    throw new Error('the test broke it');
  });
  return () => tick.mockRestore();
}

describe('after close()', () => {
  for (const [name, call] of CALLS) {
    test(`${name} is refused with CACHE_CLOSED`, async () => {
      const { cache, remote } = await openInstance();
      await cache.close();
      await expectCode('CACHE_CLOSED', () => call(cache));
      expect(remote.log).toEqual([]);
    });
  }

  test('the connections are ended, no timer is left, memory is empty', async () => {
    const { cache, remote, clock } = await openInstance();
    await cache.set('k', 1);
    await cache.close();
    expect(remote.isClosed).toBe(true);
    expect(clock.timers).toBe(0);
    expect(cache.stats().memory.entries).toBe(0);
  });

  test('statistics and health still answer', async () => {
    const { cache } = await openInstance();
    await cache.close();
    expect(cache.stats().loads.started).toBe(0);
    expect(cache.health()).toMatchObject({ state: 'closed', journaled: 0 });
    expect((await cache.ready()).state).toBe('closed');
  });

  // Symptom: a readiness probe was told coherent by a cache that refuses every call.
  test('health is closed from the call on, which is told once, with what is still journaled', async () => {
    const { cache, remote, clock } = await openInstance();
    const told: unknown[] = [];
    for (const state of ['coherent', 'suspect', 'offline', 'closed'] as const) {
      cache.on(state, ({ journaled }) => told.push([state, cache.health().state, journaled]));
    }
    remote.disconnect();
    await cache.delete('k');
    const first = cache.close();
    expect(told).toEqual([['closed', 'closed', 1]]);
    await Promise.all([first, cache.close()]);
    await clock.advance(60_000);
    expect(cache.health().state).toBe('closed');
    expect(told).toHaveLength(1);
  });
});

describe('close()', () => {
  test('may be called again, at once and later, and gives the same promise', async () => {
    const { cache } = await openInstance();
    const first = cache.close();
    expect(cache.close()).toBe(first);
    await first;
    await cache.close();
  });

  test('ends the cache at the end of an await using block', async () => {
    const instance = await openInstance();
    {
      await using cache = instance.cache;
      await cache.set('k', 1);
    }
    expect(instance.remote.isClosed).toBe(true);
  });

  test('lets a fill arrive that is on its way', async () => {
    const instance = await openInstance();
    const { cache, remote, hub } = instance;
    remote.fill.hold();
    await cache.getOrSet('k', () => 1);
    const closed = cache.close();
    await settled();
    expect(remote.isClosed).toBe(false);
    remote.fill.release();
    await closed;
    expect(hub.stored('k')).not.toBe(undefined);
    expectIdle(instance);
  });

  test('lets sets and invalidations arrive that were called before', async () => {
    const { cache, hub, remote } = await openInstance();
    remote.set.hold();
    remote.invalidate.hold();
    const set = cache.set('k', 1);
    const drop = cache.invalidateTags(['t']);
    const closed = cache.close();
    await settled();
    expect(remote.isClosed).toBe(false);
    remote.set.release();
    remote.invalidate.release();
    await closed;
    expect(await set).toEqual({ stored: true, outdated: false, delivered: true });
    expect(await drop).toEqual({ delivered: true });
    expect(hub.stored('k')).not.toBe(undefined);
    expect(remote.invalidations).toHaveLength(1);
  });

  // Symptom: close() hung for good, waiting for a set that had never been sent.
  test.each([
    ['fails as it begins, after the first connection was waited for', false, failingMark],
    ['fails as it begins', true, failingMark],
    ['fails as it is sent', true, failingTick],
  ] as const)('does not wait for a set that %s', async (_, isReady, breakIt) => {
    const instance = startInstance({ remote: { isConnecting: true } });
    const { cache, remote } = instance;
    if (isReady) remote.connect();
    await settled();
    const mend = breakIt(instance);
    const set = Promise.allSettled([cache.set('k', 1)]);
    if (!isReady) remote.connect();
    await settled();
    mend();
    await set;
    expectIdle(instance);
    void cache.close();
    await settled();
    expect(remote.isClosed).toBe(true);
  });

  test('before the first connection lets a set arrive that was called', async () => {
    const { cache, remote } = startInstance({ remote: { isConnecting: true } });
    const set = cache.set('k', 1);
    const closed = cache.close();
    await settled();
    expect(remote.isClosed).toBe(false);
    remote.connect();
    await closed;
    expect(await set).toEqual({ stored: false, outdated: false, delivered: true });
    expect(remote.invalidations).toHaveLength(1);
  });

  test('before the first connection answers those who wait', async () => {
    const { cache, remote } = startInstance();
    remote.tail.hold();
    const read = cache.getOrSet('k', () => 1);
    await settled();
    const closed = cache.close();
    remote.tail.timeOut();
    await closed;
    expect(await read).toBe(1);
    await cache.ready();
  });

  test('of one cache leaves another one on the same hub alone', async () => {
    const a = await openInstance();
    const b = await openInstance({ hub: a.hub, clock: a.clock });
    await a.cache.close();
    await b.cache.set('k', 1);
    expect(await b.cache.get('k')).toBe(1);
  });
});

test('a cache that was never closed does not keep its process alive', () => {
  const fixture = fileURLToPath(new URL('./fixtures/left-open.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--conditions=@tierwise/source', '--no-warnings', fixture], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(output).toBe('loaded\n');
});

// Symptom: the process ended with an unsettled await, since the timer of the load did not keep it alive.
test('a load that somebody waits for runs into its timeout although nothing else keeps the process alive', () => {
  const fixture = fileURLToPath(new URL('./fixtures/load-timeout.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--conditions=@tierwise/source', '--no-warnings', fixture], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(output).toBe('LOAD_TIMEOUT');
});
