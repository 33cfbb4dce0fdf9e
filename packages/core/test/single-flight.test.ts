import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { CacheError } from '../src/errors.ts';
import { errorOf, expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { ControlledLoader, expectIdle, openInstance, openInstances, PAST_LEASE_MS } from './support/instances.ts';

describe('concurrent reads of one cold key', () => {
  test('run the loader once, however many they are', async () => {
    const { cache, ...instance } = await openInstance();
    let calls = 0;
    const load = async () => {
      calls++;
      await settled();
      return { id: 7 };
    };
    const values = await Promise.all(Array.from({ length: 1_000 }, () => cache.getOrSet('k', load)));
    expect(calls).toBe(1);
    expect(new Set(values)).toEqual(new Set([{ id: 7 }]));
    expect(cache.stats().loads).toMatchObject({ started: 1, shared: 999 });
    await settled();
    expectIdle({ cache, ...instance });
  });

  test('share a load that began before they did', async () => {
    const { cache } = await openInstance();
    const loader = new ControlledLoader<number>();
    const first = cache.getOrSet('k', loader.load);
    await settled();
    const second = cache.getOrSet('k', loader.load);
    await settled();
    expect(loader.calls).toBe(1);
    loader.answer(1);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
  });

  test('all get the error of a load that rejects, and nothing is cached', async () => {
    const { cache, hub, ...instance } = await openInstance();
    const fault = new Error('no database');
    const reads = Array.from({ length: 100 }, () => cache.getOrSet('k', () => Promise.reject(fault)));
    for (const read of await Promise.allSettled(reads)) expect(read).toEqual({ status: 'rejected', reason: fault });
    expect((await Promise.allSettled(reads)).every((read) => read.status === 'rejected' && read.reason === fault)).toBe(
      true,
    );
    expect(cache.stats().loads).toMatchObject({ started: 1, failed: 1, running: 0 });
    expect(cache.peek('k')).toBe(undefined);
    expect(hub.stored('k')).toBe(undefined);
    expect(await cache.getOrSet('k', () => 'now')).toBe('now');
    await settled();
    expectIdle({ cache, hub, ...instance });
  });
});

describe('a waiter with a signal', () => {
  test('goes alone, with the reason of the signal', async () => {
    const { cache } = await openInstance();
    const loader = new ControlledLoader<number>();
    const controller = new AbortController();
    const reason = new Error('the client went away');
    const leaving = cache.getOrSet('k', loader.load, { signal: controller.signal });
    const staying = cache.getOrSet('k', loader.load);
    await settled();
    controller.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    expect(loader.runs[0]?.signal.aborted).toBe(false);
    loader.answer(5);
    expect(await staying).toBe(5);
    await settled();
    expect(cache.peek('k')).toBe(5);
  });

  test('that fired before the call starts no load', async () => {
    const { cache } = await openInstance();
    const loader = new ControlledLoader();
    await expect(cache.getOrSet('k', loader.load, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    await settled();
    expect(loader.calls).toBe(0);
  });

  test('that never fires is left without listeners', async () => {
    const { cache } = await openInstance();
    const { signal } = new AbortController();
    await cache.getOrSet('k', () => 1, { signal });
    await cache.getOrSet('l', () => Promise.reject(new Error('no')), { signal }).catch(() => {});
    await cache.get('m', { signal });
    await settled();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('goes while the shared layer is being read', async () => {
    const { cache, remote } = await openInstance();
    remote.read.hold();
    const controller = new AbortController();
    const get = cache.get('k', { signal: controller.signal });
    const entry = cache.entry('k', { signal: controller.signal });
    const many = cache.getMany(['k', 'l'], { signal: controller.signal });
    await settled();
    controller.abort(new Error('gone'));
    for (const read of [get, entry, many]) await expect(read).rejects.toThrow('gone');
    remote.read.release();
  });
});

describe('a loader', () => {
  test('that throws at once leaves no trace', async () => {
    const { cache, hub, ...instance } = await openInstance();
    const fault = new Error('at once');
    await expect(
      cache.getOrSet('k', () => {
        throw fault;
      }),
    ).rejects.toBe(fault);
    expect(hub.stored('k')).toBe(undefined);
    expect(await cache.get('k')).toBe(undefined);
    expectIdle({ cache, hub, ...instance });
  });

  test('that never settles rejects its waiters after loadTimeout and leaves no trace', async () => {
    const { cache, clock, hub, ...instance } = await openInstance({ loadTimeout: '5s' });
    const loader = new ControlledLoader();
    const read = errorOf(() => cache.getOrSet('k', loader.load));
    await clock.advance(4_999);
    expect(loader.runs[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    const error = await read;
    expect(error.code).toBe('LOAD_TIMEOUT');
    expect(error.facts).toEqual({ subject: 'loadTimeout', limit: 5_000 });
    expect(loader.runs[0]?.signal.aborted).toBe(true);
    expect(loader.runs[0]?.signal.reason).toBe(error);
    loader.answer('too late');
    await settled();
    expect(cache.peek('k')).toBe(undefined);
    expect(hub.stored('k')).toBe(undefined);
    expectIdle({ cache, clock, hub, ...instance });
  });

  test('has the timeout of its call before that of the cache, and none with off', async () => {
    const { cache, clock } = await openInstance({ loadTimeout: '5s' });
    const short = errorOf(() => cache.getOrSet('short', () => new Promise(() => {}), { loadTimeout: 10 }));
    await clock.advance(10);
    expect((await short).code).toBe('LOAD_TIMEOUT');

    const loader = new ControlledLoader<string>();
    const long = cache.getOrSet('long', loader.load, { loadTimeout: 'off' });
    await clock.advance(3_600_000);
    loader.answer('at last');
    expect(await long).toBe('at last');
  });

  test('keeps no timer once it has settled', async () => {
    const { cache, clock } = await openInstance();
    const before = clock.timers;
    await cache.getOrSet('k', () => 1);
    await cache.getOrSet('l', async () => 1);
    await cache.getOrSet('m', () => Promise.reject(new Error('no'))).catch(() => {});
    expect(clock.timers).toBe(before);
  });

  test('that answers undefined rejects, and null is a value', async () => {
    const { cache } = await openInstance();
    await expectCode('UNDEFINED_VALUE', () => cache.getOrSet('k', () => undefined));
    expect(cache.stats().loads.failed).toBe(1);
    expect(await cache.getOrSet('k', () => null)).toBe(null);
  });

  test('that answers what cannot be stored rejects with the path', async () => {
    const { cache } = await openInstance();
    const error = await expectCode('UNSERIALIZABLE_VALUE', () => cache.getOrSet('k', () => ({ a: [() => 1] })));
    expect(error.facts.path).toBe('$.a[0]');
    expect(cache.peek('k')).toBe(undefined);
  });

  test('may load another key', async () => {
    const { cache, ...instance } = await openInstance();
    const outer = await cache.getOrSet('outer', async () => {
      const inner = await cache.getOrSet('inner', () => 1);
      return inner + 1;
    });
    expect(outer).toBe(2);
    expect(cache.peek('inner')).toBe(1);
    await settled();
    expectIdle({ cache, ...instance });
  });

  test('that asks for its own key before it first waits shares its own load', async () => {
    const { cache } = await openInstance();
    let inner: Promise<number> | undefined;
    const outer = cache.getOrSet('k', () => {
      inner = cache.getOrSet('k', () => 2);
      return 1;
    });
    expect(await outer).toBe(1);
    expect(await inner).toBe(1);
  });

  test('that waits for its own key ends with its timeout, not never', async () => {
    const { cache, clock } = await openInstance({ loadTimeout: '3s' });
    const read = errorOf(() => cache.getOrSet('k', (): Promise<unknown> => cache.getOrSet('k', () => 1)));
    await clock.advance(3_000);
    expect((await read).code).toBe('LOAD_TIMEOUT');
  });

  test('may be any thenable', async () => {
    const { cache } = await openInstance();
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const thenable = { then: (resolve: (value: number) => void) => resolve(3) } as unknown as Promise<number>;
    expect(await cache.getOrSet('k', () => thenable)).toBe(3);
  });

  test('of another type is refused before anything is looked up', async () => {
    const { cache, remote } = await openInstance();
    for (const loader of [undefined, null, 1, 'x', {}, Promise.resolve(1)]) {
      const error = await expectCode('INVALID_LOADER', () => cache.getOrSet('k', loader as never));
      expect(CacheError.is(error)).toBe(true);
    }
    expect(remote.log).toEqual([]);
  });
});

describe('a loaded value on its way into the layers', () => {
  test('is found by every read that comes after the one that loaded it', async () => {
    const { cache, remote } = await openInstance();
    remote.fill.hold();
    remote.read.hold();
    const read = cache.getOrSet('k', () => 1);
    await settled();
    remote.read.release();
    expect(await read).toBe(1);
    remote.read.pass();
    expect(cache.peek('k')).toBe(1);
    expect(await cache.getOrSet('k', () => 2)).toBe(1);
    expect(await cache.get('k')).toBe(1);
    expect(await cache.getMany(['k'])).toEqual([1]);
    await settled();
    remote.fill.release();
  });

  test('is not found once an own call has outdated it', async () => {
    const { cache, remote } = await openInstance();
    remote.fill.hold();
    await cache.getOrSet('k', () => 1);
    await cache.delete('k');
    expect(cache.peek('k')).toBe(undefined);
    expect(await cache.get('k')).toBe(undefined);
    await settled();
    remote.fill.release();
  });
});

describe('a load that lasts longer than the lease', () => {
  test('is shared with reads that begin late while the view is proved', async () => {
    const { cache, clock } = await openInstance();
    const loader = new ControlledLoader<number>();
    const first = cache.getOrSet('k', loader.load);
    await clock.advance(PAST_LEASE_MS);
    const second = cache.getOrSet('k', loader.load);
    await settled();
    loader.answer(1);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(loader.calls).toBe(1);
  });

  test('is not shared with reads that begin late while nothing proves the view', async () => {
    const { cache, clock, remote } = await openInstance();
    const loader = new ControlledLoader<string>();
    const first = cache.getOrSet('k', loader.load);
    await settled();
    remote.tail.fail();
    await clock.advance(PAST_LEASE_MS);
    const second = cache.getOrSet('k', loader.load);
    await settled();
    expect(loader.calls).toBe(2);
    loader.answer('old', 0);
    loader.answer('new', 1);
    expect(await first).toBe('old');
    expect(await second).toBe('new');
  });

  test('is not answered to a waiter that joined while it was proved and lost the proof meanwhile', async () => {
    const { cache, clock, remote } = await openInstance();
    const loader = new ControlledLoader<string>();
    const first = cache.getOrSet('k', loader.load);
    await clock.advance(PAST_LEASE_MS);
    const late = cache.getOrSet('k', loader.load);
    await settled();
    expect(loader.calls).toBe(1);
    remote.tail.hold();
    remote.listener.onMessage({
      epoch: remote.partition.view.epoch ?? '',
      seq: 1,
      invalidation: { keys: ['k'], tags: [], prefixes: [], patterns: [], clear: false },
      fence: undefined,
    });
    loader.answer('old', 0);
    await settled();
    expect(await first).toBe('old');
    expect(loader.calls).toBe(2);
    loader.answer('new', 1);
    expect(await late).toBe('new');
  });

  test('is not answered to a waiter that joined late when its tag was invalidated meanwhile', async () => {
    const [{ cache, clock }, b] = await openInstances(2);
    const loader = new ControlledLoader<string>();
    const first = cache.getOrSet('k', loader.load, { tags: ['t'] });
    await clock.advance(PAST_LEASE_MS);
    const late = cache.getOrSet('k', loader.load, { tags: ['t'] });
    await settled();
    await b.cache.invalidateTags(['t']);
    await settled();
    loader.answer('old', 0);
    await settled();
    expect(await first).toBe('old');
    expect(loader.calls).toBe(2);
    loader.answer('new', 1);
    expect(await late).toBe('new');
  });

  test('stores nothing once a newer load of the key has begun', async () => {
    const { cache, clock, remote } = await openInstance();
    const loader = new ControlledLoader<string>();
    const first = cache.getOrSet('k', loader.load);
    await settled();
    remote.tail.fail();
    await clock.advance(PAST_LEASE_MS);
    const second = cache.getOrSet('k', loader.load);
    await settled();
    loader.answer('new', 1);
    await second;
    await settled();
    loader.answer('old', 0);
    await first;
    await settled();
    expect(cache.peek('k')).toBe('new');
    expect(cache.stats().loads.unkept).toBe(1);
  });
});
