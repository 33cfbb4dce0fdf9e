// A driver that answers with something else than it should fails its calls, and nothing is rejected unheard.

import { expect, test } from 'vitest';
import { BreakerStore } from '../src/store/breaker.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { openInstance } from './support/instances.ts';
import { unhandledDuring } from './support/unhandled.ts';

test('a fill and a set that are answered with nothing fail like any other', async () => {
  const { cache, remote } = await openInstance();
  for (const call of [remote.fill, remote.set]) call.run = async () => undefined as never;
  const unhandled = await unhandledDuring(async () => {
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(await cache.set('k', 2)).toMatchObject({ stored: false, delivered: false });
    await settled();
  });
  expect(unhandled).toEqual([]);
});

test('a plain layer that answers with nothing has failed, also where it is only tried again', async () => {
  const clock = new FakeClock();
  let reads = 0;
  const breaker = new BreakerStore(
    {
      limits: { maxBatch: 10, maxValueBytes: 1000, parts: 1 },
      partOf: () => 0,
      read: async () => {
        reads++;
        return undefined as never;
      },
      write: async () => undefined as never,
      close: async () => {},
    },
    { clock, onSkip: () => {} },
  );
  const unhandled = await unhandledDuring(async () => {
    for (let call = 0; call < 5; call++) expect(await breaker.read(['a'])).toMatchObject([{ code: 'INTERNAL' }]);
    await clock.advance(1_001);
    expect(await breaker.read(['a'])).toMatchObject([{ code: 'REMOTE_UNAVAILABLE' }]);
    await settled();
  });
  expect(reads).toBe(6);
  expect(unhandled).toEqual([]);
});
