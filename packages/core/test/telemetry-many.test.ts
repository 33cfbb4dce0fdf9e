import { describe, expect, onTestFinished, test } from 'vitest';
import { createCache } from '../src/cache.ts';
import { partitionIndex } from '../src/coherence/slots.ts';
import type { CacheOptions } from '../src/options.ts';
import type { Remote } from '../src/store/remote.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { HeldPlainStore } from './support/held-plain-store.ts';
import { ControlledLoader, openInstances } from './support/instances.ts';
import { partitioned } from './support/partitioned-remote.ts';
import { openRecorded } from './support/recorded.ts';
import { Recording } from './support/recording.ts';
import { Hub, ScriptedRemote } from './support/scripted-remote.ts';

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
      '  cache.load.wait',
      '  cache.load',
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
      const reads = telemetry
        .named('cache.layer.get')
        .map(({ attributes, ends }) => [attributes['cache.key.count'], ends]);
      expect(reads.slice(-1)).toEqual(isOn ? [[1, 1]] : []);
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

/** A cache of two partitions, the second of which answers no read, and the numbers of keys in each. */
async function openHalfLate(isRecorded: boolean, optionsOf: (remote: Remote) => Partial<CacheOptions>) {
  const telemetry = new Recording();
  telemetry.isOn = isRecorded;
  const parts = [new ScriptedRemote(new Hub()), new ScriptedRemote(new Hub())] as const;
  const cache = createCache({
    name: 'half',
    ttl: '1h',
    memory: { maxEntries: 100 },
    clock: new FakeClock(),
    telemetry,
    ...optionsOf(partitioned(parts)),
  });
  onTestFinished(() => cache.close());
  await cache.ready();
  await settled();
  telemetry.clear();
  const late = parts[1].read;
  late.hold();
  const numbers = Array.from({ length: 20 }, (_, n) => n);
  const inPart = (part: number) => numbers.filter((n) => partitionIndex(`item:${n}`, 2) === part);
  const release = (): void => {
    late.pass();
    late.release();
  };
  return { cache, telemetry, numbers, early: inPart(0), late: inPart(1), release };
}

describe.each([true, false])('getMany while one partition is late, recorded: %s', (isRecorded) => {
  // Symptom: whoever was recorded waited for the slowest partition before anything was loaded.
  test('loads what the others do not have at once, and the rest when it is known', async () => {
    const { cache, telemetry, numbers, early, late, release } = await openHalfLate(isRecorded, (remote) => ({
      remote,
    }));
    const loaded: number[] = [];
    const items = cache.keyspace('item:{n}', {
      load: ({ n }) => {
        loaded.push(Number(n));
        return null;
      },
    });
    const many = items.getMany(numbers.map((n) => ({ n })));
    await settled();
    expect(loaded).toEqual(early);
    expect(loaded.length).toBeGreaterThan(2);
    release();
    expect(await many).toEqual(numbers.map(() => null));
    expect(loaded).toEqual([...early, ...late]);
    const reads = telemetry.named('cache.layer.get').map(({ attributes, ends }) => [attributes['cache.layer'], ends]);
    expect(reads).toEqual(
      isRecorded
        ? [
            ['l1', 1],
            ['scripted', 1],
          ]
        : [],
    );
  });

  test('asks the layer below for what the others do not have', async () => {
    const below = new HeldPlainStore();
    const { cache, telemetry, numbers, release } = await openHalfLate(isRecorded, (remote) => ({
      stores: { redis: remote, disk: { name: 'disk', connect: () => below } },
      layers: ['memory', 'redis', 'disk'],
    }));
    const many = cache.getMany(numbers.map((n) => `item:${n}`));
    await settled();
    const before = below.calls;
    expect(before).toBeGreaterThan(0);
    release();
    expect(await many).toEqual(numbers.map(() => undefined));
    expect(below.calls).toBeGreaterThan(before);
    if (!isRecorded) return;
    expect(telemetry.tree()).toEqual([
      'cache.getMany',
      '  cache.layer.get l1 miss',
      '  cache.layer.get scripted miss',
      '  cache.layer.get disk miss',
    ]);
    expect(telemetry.spans.map(({ ends }) => ends)).toEqual([1, 1, 1, 1]);
    const keys = telemetry.named('cache.layer.get').map(({ attributes }) => attributes['cache.key.count']);
    expect(keys).toEqual([undefined, numbers.length, numbers.length]);
  });

  test('loads nothing more once its signal has fired', async () => {
    const { cache, telemetry, numbers, early, release } = await openHalfLate(isRecorded, (remote) => ({ remote }));
    const loader = new ControlledLoader<number>();
    const items = cache.keyspace('item:{n}', { load: (_, context) => loader.load(context) });
    const controller = new AbortController();
    const many = items.getMany(
      numbers.map((n) => ({ n })),
      { signal: controller.signal },
    );
    await settled();
    controller.abort(new Error('enough'));
    await expect(many).rejects.toThrow('enough');
    release();
    await settled();
    expect(loader.calls).toBe(early.length);
    expect(telemetry.named('cache.layer.get').map(({ ends }) => ends)).toEqual(isRecorded ? [1, 1] : []);
  });
});

test.each([true, false])(
  'getMany begins nothing when the tags of one key cannot be told, recorded: %s',
  async (isOn) => {
    const { cache, telemetry } = await openRecorded();
    telemetry.isOn = isOn;
    const asked: unknown[] = [];
    const items = cache.keyspace('item:{n}', {
      tags: ({ n }) => {
        asked.push(n);
        if (n === 3) throw new Error('no tags');
        return ['t'];
      },
      load: ({ n }) => n,
    });
    await items.get({ n: 1 });
    await settled();
    asked.length = 0;
    await expect(items.getMany([{ n: 1 }, { n: 2 }, { n: 3 }])).rejects.toThrow('no tags');
    await settled();
    expect(asked).toEqual([2, 3]);
    expect(cache.stats()).toMatchObject({ loads: { started: 1 }, remote: { misses: 1 } });
  },
);

test('getMany counts of each layer the keys that came to it, and what it had of them', async () => {
  const [hub, disk, clock] = [new Hub(), new HeldPlainStore(), new FakeClock()];
  const open = async (telemetry?: Recording) => {
    const cache = createCache({
      name: 'stack',
      ttl: '1h',
      memory: { maxEntries: 100 },
      clock,
      stores: { redis: new ScriptedRemote(hub), disk: { name: 'disk', connect: () => disk } },
      layers: ['memory', 'redis', 'disk'],
      ...(telemetry !== undefined && { telemetry }),
    });
    onTestFinished(() => cache.close());
    await cache.ready();
    return cache;
  };
  const writer = await open();
  await writer.keyspace('item:{n}', { store: 'disk' }).set({ n: 1 }, 'below');
  await writer.keyspace('item:{n}', { store: 'redis' }).set({ n: 2 }, 'above');
  const telemetry = new Recording();
  const reader = await open(telemetry);
  telemetry.clear();
  expect(await reader.getMany(['item:1', 'item:2', 'item:3'])).toEqual(['below', 'above', undefined]);
  const counts = telemetry
    .named('cache.layer.get')
    .map(({ attributes }) => [
      attributes['cache.layer'],
      attributes['cache.key.count'],
      attributes['cache.hit.count'],
      attributes['cache.result'],
    ]);
  expect(counts).toEqual([
    ['l1', undefined, 0, 'miss'],
    ['scripted', 3, 1, 'miss'],
    ['disk', 2, 1, 'miss'],
  ]);
  expect(telemetry.one('cache.getMany').attributes).toMatchObject({ 'cache.hit': false, 'cache.hit.count': 2 });
});
