import { describe, expect, test } from 'vitest';
import type { CacheOptions, Isolation } from '../src/options.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance, openInstances } from './support/instances.ts';

const FALSY: readonly [string, unknown][] = [
  ['null', null],
  ['0', 0],
  ['-0', -0],
  ["''", ''],
  ['false', false],
  ['NaN', Number.NaN],
];

describe('values that are falsy', () => {
  for (const codec of ['msgpack', 'json'] as const) {
    for (const isolation of ['freeze', 'copy', 'share'] as const) {
      for (const [name, value] of FALSY) {
        // JSON has no such number; its codec refuses it with the path.
        if (codec === 'json' && Number.isNaN(value)) continue;
        test(`${name} is a hit in every layer and every method, ${codec}, ${isolation}`, async () => {
          const [a, b] = await openInstances(2, { codec, isolation });
          let loads = 0;
          const load = () => {
            loads++;
            return value;
          };
          expect(await a.cache.getOrSet('k', load)).toBe(value);
          await settled();
          expect(a.cache.peek('k')).toBe(value);
          expect(await a.cache.get('k')).toBe(value);
          expect(await a.cache.getOrSet('k', load)).toBe(value);
          expect(await a.cache.getMany(['k'])).toEqual([value]);
          expect(await b.cache.get('k')).toBe(value);
          expect(await b.cache.entry('k')).toMatchObject({ value, layer: 'memory' });
          expect(await b.cache.getOrSet('k', load)).toBe(value);
          await a.cache.set('s', value);
          expect(await b.cache.get('s')).toBe(value);
          expect(loads).toBe(1);
        });
      }
    }
  }

  test('undefined is refused everywhere', async () => {
    const { cache, remote } = await openInstance();
    await expectCode('UNDEFINED_VALUE', () => cache.set('k', undefined));
    await expectCode('UNDEFINED_VALUE', () => cache.setMany([{ key: 'k', value: undefined }]));
    expect(remote.log).toEqual([]);
    await expectCode('UNDEFINED_VALUE', () => cache.getOrSet('k', async () => undefined));
  });
});

async function open(isolation: Isolation, more: Partial<CacheOptions> = {}) {
  const [a, b] = await openInstances(2, { isolation, ...(more as object) });
  return { a: a.cache, b: b.cache };
}

interface Order {
  lines: { sku: string; count: number }[];
}

const order = (): Order => ({ lines: [{ sku: 'a', count: 1 }] });

describe("isolation 'freeze'", () => {
  test('freezes what was set, deeply, for everybody', async () => {
    const { a, b } = await open('freeze');
    const original = order();
    await a.set('k', original);
    const held = a.peek<Order>('k');
    expect(held).toBe(original);
    expect(() => held?.lines.push({ sku: 'b', count: 1 })).toThrow(TypeError);
    expect(() => {
      (original.lines[0] as { count: number }).count = 2;
    }).toThrow(TypeError);
    expect(await b.get('k')).toEqual(order());
    expect(Object.isFrozen((await b.get<Order>('k'))?.lines[0])).toBe(true);
  });

  test('freezes what the loader brought before any waiter sees it', async () => {
    const { a } = await open('freeze');
    const [one, two] = await Promise.all([a.getOrSet('k', order), a.getOrSet('k', order)]);
    expect(one).toBe(two);
    expect(Object.isFrozen(one.lines)).toBe(true);
  });

  test('copies what cannot be frozen, at every read, from every layer', async () => {
    const { a, b } = await open('freeze');
    const make = () => ({ at: new Date(5), map: new Map([['a', [1]]]), set: new Set([1]), bytes: new Uint8Array([1]) });
    const original = make();
    await a.set('k', original);
    original.map.clear();
    original.at.setTime(0);
    for (const read of [
      async () => a.peek<ReturnType<typeof make>>('k'),
      () => a.get<ReturnType<typeof make>>('k'),
      () => b.get<ReturnType<typeof make>>('k'),
      () => b.get<ReturnType<typeof make>>('k'),
      async () => (await a.entry<ReturnType<typeof make>>('k'))?.value,
      async () => (await a.getMany<ReturnType<typeof make>>(['k']))[0],
      () => a.getOrSet('k', make),
    ]) {
      const value = await read();
      expect(value).toEqual(make());
      value?.map.get('a')?.push(2);
      value?.set.clear();
      value?.at.setTime(0);
      value?.bytes.fill(9);
    }
  });

  test('copies for each of those who share a load', async () => {
    const { a } = await open('freeze');
    const load = () => new Map([['a', 1]]);
    const [one, two] = await Promise.all([a.getOrSet('k', load), a.getOrSet('k', load)]);
    expect(one).toEqual(load());
    expect(one).not.toBe(two);
  });
});

describe("isolation 'copy'", () => {
  test('copies when a value enters and at every read', async () => {
    const { a, b } = await open('copy');
    const original = order();
    await a.set('k', original);
    original.lines.length = 0;
    for (const cache of [a, a, b, b]) {
      const value = await cache.get<Order>('k');
      expect(value).toEqual(order());
      value?.lines.push({ sku: 'x', count: 9 });
    }
  });

  test('copies what the loader brought', async () => {
    const { a } = await open('copy');
    const original = order();
    const value = await a.getOrSet('k', () => original);
    original.lines.length = 0;
    expect(value).toEqual(order());
    value.lines.length = 0;
    expect(a.peek('k')).toEqual(order());
    expect(Object.isFrozen(a.peek('k'))).toBe(false);
  });
});

describe("isolation 'share'", () => {
  test('hands out the value itself', async () => {
    const { a, b } = await open('share');
    const original = { ...order(), at: new Date(5) };
    await a.set('k', original);
    expect(a.peek('k')).toBe(original);
    expect(Object.isFrozen(original)).toBe(false);
    const read = await b.get('k');
    expect(read).toEqual(original);
    expect(await b.get('k')).toBe(read);
  });
});

test('what a user changes after set() never reaches the shared layer', async () => {
  for (const isolation of ['copy', 'share'] as const) {
    const { a, b } = await open(isolation);
    const original = order();
    const set = a.set('k', original);
    original.lines.length = 0;
    await set;
    expect(await b.get('k')).toEqual(order());
  }
});
