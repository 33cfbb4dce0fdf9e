import { describe, expect, test } from 'vitest';
import { Turns } from '../src/engine/turns.ts';
import { expectCode } from './support/codes.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { ControlledLoader, expectIdle, openInstance } from './support/instances.ts';

const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);

describe('maxLoads', () => {
  test('loaders past it wait for their turn, in order', async () => {
    const a = await openInstance({ maxLoads: 3 });
    const { cache } = a;
    const began: string[] = [];
    const loader = new ControlledLoader<number>();
    const reads = keys(10).map((key) =>
      cache.getOrSet(key, (context) => {
        began.push(key);
        return loader.load(context);
      }),
    );
    await settled();
    expect(began).toEqual(['k0', 'k1', 'k2']);
    expect(cache.stats().loads.running).toBe(10);
    loader.answer(1, 1);
    await settled();
    expect(began).toEqual(['k0', 'k1', 'k2', 'k3']);
    for (let run = 0; run < 10; run++) {
      if (run !== 1) loader.answer(run, run);
      await settled();
      expect(began.length).toBeLessThanOrEqual(run + 5);
    }
    await Promise.all(reads);
    expect(began).toEqual(keys(10));
    expectIdle(a);
  });

  test('a loader that throws hands its turn on', async () => {
    const { cache } = await openInstance({ maxLoads: 1 });
    const reads = await Promise.allSettled(
      keys(4).map((key, index) =>
        cache.getOrSet(key, () => {
          if (index % 2 === 0) throw new Error('broken');
          return index;
        }),
      ),
    );
    expect(reads.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  });

  test('loads inside loads do not wait for their own caller for ever', async () => {
    const { cache, clock } = await openInstance({ maxLoads: 1 });
    const read = cache.getOrSet('outer', async () => {
      const parts = await Promise.all(
        keys(3).map((key) => cache.getOrSet(key, () => cache.getOrSet(`${key}:inner`, () => key))),
      );
      return parts.join();
    });
    // Each second without a turn that ended lets one more in.
    for (let second = 0; second < 12; second++) await clock.advance(1_000);
    expect(await read).toBe('k0,k1,k2');
  });

  test('one that never settles frees its turn at its timeout', async () => {
    const { cache, clock } = await openInstance({ maxLoads: 1, loadTimeout: '5s' });
    const stuck = cache.getOrSet('stuck', () => new Promise(() => {}));
    stuck.catch(() => {});
    await clock.advance(4_000);
    const next = cache.getOrSet('next', () => 'value');
    await clock.advance(900);
    expect(cache.stats().loads.running).toBe(2);
    await clock.advance(200);
    await expectCode('LOAD_TIMEOUT', () => stuck);
    expect(await next).toBe('value');
  });

  test('one whose time runs out while it waits never runs', async () => {
    const { cache, clock } = await openInstance({ maxLoads: 1 });
    const loader = new ControlledLoader<string>();
    const first = cache.getOrSet('first', loader.load, { loadTimeout: '1m' });
    let ran = false;
    const late = cache.getOrSet(
      'late',
      () => {
        ran = true;
      },
      { loadTimeout: '1s' },
    );
    late.catch(() => {});
    await clock.advance(1_100);
    await expectCode('LOAD_TIMEOUT', () => late);
    loader.answer('value');
    expect(await first).toBe('value');
    await settled();
    expect(ran).toBe(false);
    expect(await cache.getOrSet('after', () => 'value')).toBe('value');
  });

  test('a storm without proof reaches the source a few at a time', async () => {
    const { cache, remote, clock } = await openInstance({ maxLoads: 8 });
    remote.tail.fail();
    clock.block(10_000);
    let running = 0;
    let most = 0;
    await Promise.all(
      keys(200).map((key) =>
        cache.getOrSet(key, async () => {
          most = Math.max(most, ++running);
          await settled();
          running--;
          return key;
        }),
      ),
    );
    expect(most).toBe(8);
  });
});

test('turns count those that wait', async () => {
  const turns = new Turns(1, new FakeClock());
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = turns.run(() => promise);
  const second = turns.run(async () => 2);
  expect(turns.waiting).toBe(1);
  resolve();
  await first;
  expect(await second).toBe(2);
  expect(turns.waiting).toBe(0);
});
