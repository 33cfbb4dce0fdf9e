import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { ControlledLoader, openInstances } from './support/instances.ts';
import { openRecorded } from './support/recorded.ts';
import { Recording } from './support/recording.ts';

describe('getMany of a keyspace with a loader', () => {
  async function openSquares() {
    const instance = await openRecorded();
    const squares = instance.cache.keyspace('square:{n}', {
      tags: ({ n }) => [`n:${n}`],
      load: ({ n }) => {
        if (n === 13) throw new Error('bad luck');
        return Number(n) ** 2;
      },
    });
    const load = (...numbers: number[]) => squares.getMany(numbers.map((n) => ({ n })));
    return { ...instance, squares, load };
  }

  test('is one span with one a layer, counts, and a load for each key that no layer had', async () => {
    const { cache, telemetry, load } = await openSquares();
    expect(await load(1, 2)).toEqual([1, 4]);
    await settled();
    telemetry.clear();
    expect(await load(1, 2, 3, 4, 3)).toEqual([1, 4, 9, 16, 9]);
    await settled();
    expect(telemetry.tree().filter((line) => !line.includes('layer.set'))).toEqual([
      'cache.getMany',
      '  cache.layer.get l1 miss',
      '  cache.layer.get scripted miss',
      '  cache.load',
      '  cache.load',
      '  cache.load.wait',
    ]);
    const [l1, l2] = telemetry.named('cache.layer.get');
    expect(l1?.attributes['cache.hit.count']).toBe(2);
    expect(l2?.attributes).toMatchObject({ 'cache.key.count': 3, 'cache.hit.count': 0 });
    const call = { 'cache.hit': false, 'cache.hit.count': 2, 'cache.key.count': 5 };
    expect(telemetry.one('cache.getMany').attributes).toMatchObject(call);
    expect(cache.peek('square:3')).toBe(9);
    telemetry.clear();
    expect(await load(1, 2, 3, 4)).toEqual([1, 4, 9, 16]);
    expect(telemetry.tree()).toEqual(['cache.getMany', '  cache.layer.get l1 hit']);
    expect(telemetry.one('cache.getMany').attributes).toMatchObject({ 'cache.hit': true, 'cache.hit.count': 4 });
  });

  test('counts what the shared layer has as hits, and loads none of it', async () => {
    const telemetry = new Recording();
    const [a, b] = await openInstances(2, { telemetry });
    await a.cache.set('square:2', 4);
    await settled();
    telemetry.clear();
    const squares = b.cache.keyspace('square:{n}', { load: ({ n }) => Number(n) ** 2 });
    expect(await squares.getMany([{ n: 2 }, { n: 3 }])).toEqual([4, 9]);
    await settled();
    expect(telemetry.named('cache.load')).toHaveLength(1);
    expect(telemetry.one('cache.getMany').attributes).toMatchObject({ 'cache.hit': false, 'cache.hit.count': 1 });
    expect(b.cache.stats()).toMatchObject({ loads: { started: 1 }, remote: { hits: 1, misses: 1 } });
  });

  test('joins a load that is under way, without asking a layer for its key', async () => {
    const { cache, telemetry } = await openRecorded();
    const loader = new ControlledLoader<number>();
    const held = cache.keyspace('held:{n}', { load: (_, context) => loader.load(context) });
    const first = held.get({ n: 1 });
    await settled();
    telemetry.clear();
    const many = held.getMany([{ n: 1 }]);
    await settled();
    loader.answer(7);
    expect([await first, await many]).toEqual([7, [7]]);
    expect(loader.calls).toBe(1);
    expect(telemetry.tree()).toContain('  cache.load.wait');
    expect(telemetry.named('cache.layer.get').map(({ attributes }) => attributes['cache.layer'])).toEqual(['l1']);
  });

  // Symptom: the flight had landed by the time that the shared layer answered for the other key, and was loaded again.
  test.each([true, false])(
    'joins a load that ends while the shared layer is asked for other keys, recorded: %s',
    async (isOn) => {
      const { cache, telemetry, remote } = await openRecorded();
      telemetry.isOn = isOn;
      const loader = new ControlledLoader<number>();
      const held = cache.keyspace('held:{n}', { load: ({ n }, context) => (n === 1 ? loader.load(context) : 9) });
      const first = held.get({ n: 1 });
      await settled();
      remote.read.hold('reply');
      const many = held.getMany([{ n: 1 }, { n: 2 }]);
      await settled();
      loader.answer(7);
      await settled();
      remote.read.pass();
      remote.read.release();
      expect([await first, await many]).toEqual([7, [7, 9]]);
      expect(loader.calls).toBe(1);
      expect(cache.stats()).toMatchObject({ memory: { hits: 0, misses: 3 }, loads: { started: 2, shared: 1 } });
    },
  );

  test('rejects with what a loader throws, on the spans of the call and of the load', async () => {
    const { telemetry, load } = await openSquares();
    await expect(load(1, 13)).rejects.toThrow('bad luck');
    await settled();
    expect((telemetry.one('cache.getMany').error as Error).message).toBe('bad luck');
    expect(telemetry.named('cache.load').map(({ error }) => error !== undefined)).toEqual([false, true]);
    expect(telemetry.spans.every(({ ends }) => ends === 1)).toBe(true);
  });

  test('answers the same when nobody records', async () => {
    const { cache, telemetry, squares, load } = await openSquares();
    telemetry.isOn = false;
    expect(await load(1, 2, 1)).toEqual([1, 4, 1]);
    await settled();
    expect(await load(1, 2, 3)).toEqual([1, 4, 9]);
    await settled();
    expect(cache.stats().loads.started).toBe(3);
    await cache.invalidateTags(['n:1']);
    expect([squares.peek({ n: 1 }), squares.peek({ n: 2 })]).toEqual([undefined, 4]);
    await expect(load(13)).rejects.toThrow('bad luck');
    expect(telemetry.spans).toEqual([]);
  });
});
