import { describe, expect, test } from 'vitest';
import { deepFreeze, freezeFresh } from '../src/memory/freeze.ts';
import { msgpack } from '../src/wire/msgpack.ts';

function isDeeplyFrozen(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return true;
  seen.add(value);
  return Object.isFrozen(value) && Reflect.ownKeys(value).every((key) => isDeeplyFrozen(Reflect.get(value, key), seen));
}

/** Many rows that hold one list; counts how often an item of the list is looked at. */
function rowsSharing(list: readonly unknown[], rows: number): { value: unknown; looks(): number } {
  let looks = 0;
  const shared = new Proxy(list, {
    get(target, name, receiver) {
      if (typeof name === 'string' && /^\d+$/.test(name)) looks++;
      return Reflect.get(target, name, receiver);
    },
  });
  return { value: Array.from({ length: rows }, (_, id) => ({ id, shared })), looks: () => looks };
}

describe('deepFreeze', () => {
  test('freezes plain objects and arrays through and through', () => {
    const value = { a: [1, { b: [[{}]] }], c: Object.assign(Object.create(null), { d: {} }), [Symbol('s')]: { e: 1 } };
    Object.defineProperty(value, 'hidden', { value: { f: 1 }, enumerable: false });
    expect(deepFreeze(value)).toBe(true);
    expect(isDeeplyFrozen(value)).toBe(true);
    expect(() => {
      (value.a as unknown[]).push(1);
    }).toThrow(TypeError);
  });

  test('freezes what is kept from enumeration as well', () => {
    const value = Object.defineProperty({ a: 1 }, 'hidden', { value: [{ b: 1 }], enumerable: false });
    expect(deepFreeze(value)).toBe(true);
    expect(isDeeplyFrozen(value)).toBe(true);
  });

  test('answers true for what cannot change by itself', () => {
    for (const value of [undefined, null, 0, 'text', 1n, true, Symbol('s')]) expect(deepFreeze(value)).toBe(true);
  });

  test('ends on cycles and on objects shared at every level', () => {
    const cyclic: { self?: unknown; list: unknown[] } = { list: [] };
    cyclic.self = cyclic;
    cyclic.list.push(cyclic, cyclic.list);
    expect(deepFreeze(cyclic)).toBe(true);
    let shared: unknown = {};
    for (let level = 0; level < 60; level++) shared = [shared, shared];
    expect(deepFreeze(shared)).toBe(true);
    expect(isDeeplyFrozen(shared)).toBe(true);
  });

  test('bears any depth', () => {
    let deep: unknown = {};
    for (let level = 0; level < 200_000; level++) deep = [deep];
    expect(deepFreeze(deep)).toBe(true);
  });

  // Symptom: rows that shared a long list of numbers blocked the process for as long as a copy of it for each row would.
  test('looks at a list that many rows share a few times, not once a row', () => {
    const { value, looks } = rowsSharing(new Array(2_000).fill(1), 1_000);
    expect(deepFreeze(value)).toBe(true);
    expect(isDeeplyFrozen((value as unknown[])[999])).toBe(true);
    expect(looks()).toBeLessThan(250_000);
  });

  test('looks into what is frozen on the surface only', () => {
    const inner = { changes: 1 };
    expect(deepFreeze(Object.freeze({ inner }))).toBe(true);
    expect(Object.isFrozen(inner)).toBe(true);
    expect(deepFreeze(Object.freeze({ when: new Date() }))).toBe(false);
  });

  class Counter {
    count = 0;
  }
  const UNFREEZABLE: readonly (readonly [string, unknown])[] = [
    ['a Map', new Map([[1, 2]])],
    ['a Set', new Set([1])],
    ['a Date', new Date(0)],
    ['a RegExp', /x/g],
    ['an error', new Error('x')],
    ['a Buffer', Buffer.from('x')],
    ['a typed array', new Uint8Array(2)],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a function', () => 1],
    ['a class instance', new Counter()],
    ['a subclass of Array', new (class Rows extends Array {})()],
    ['a getter', Object.defineProperty({}, 'x', { enumerable: true, get: () => 1 })],
    ['a setter', Object.defineProperty({}, 'x', { enumerable: true, set: () => {} })],
    ['a Map kept from enumeration', Object.defineProperty({}, 'x', { value: new Map() })],
    ['a Map under a symbol', { [Symbol('x')]: new Map() }],
    ['a getter that throws', Object.defineProperty({}, 'x', { get: () => Reflect.ownKeys(1 as unknown as object) })],
    ['a proxy that refuses', new Proxy({}, { ownKeys: () => Reflect.ownKeys(1 as unknown as object) })],
  ];
  for (const [name, part] of UNFREEZABLE) {
    test(`answers false and freezes nothing when there is ${name}`, () => {
      const value = { before: { a: 1 }, list: [part], after: { b: 2 } };
      expect(deepFreeze(part)).toBe(false);
      expect(deepFreeze(value)).toBe(false);
      expect([value, value.before, value.list, value.after].some(Object.isFrozen)).toBe(false);
    });
  }
});

describe('freezeFresh', () => {
  test('freezes what a codec brings through and through', () => {
    const value = msgpack().decode(msgpack().encode({ a: [1, { b: [[{}]] }], c: { d: {} }, e: null }));
    expect(freezeFresh(value)).toBe(true);
    expect(isDeeplyFrozen(value)).toBe(true);
  });

  test('answers like deepFreeze for what cannot be frozen, at any depth', () => {
    for (const part of [new Date(0), new Map(), Buffer.from('x'), () => {}, new (class {})()]) {
      expect(freezeFresh(part)).toBe(false);
      expect(freezeFresh({ a: [{ b: part }] })).toBe(false);
    }
    for (const value of [undefined, null, 0, 'text', 1n, true]) expect(freezeFresh(value)).toBe(true);
  });

  test('ends on cycles, on parts shared at every level, on any depth and any size', () => {
    const cyclic: { self?: unknown; list: unknown[] } = { list: [] };
    cyclic.self = cyclic;
    let shared: unknown = {};
    for (let level = 0; level < 60; level++) shared = [shared, shared];
    let deep: unknown = {};
    for (let level = 0; level < 200_000; level++) deep = [deep];
    const wide = Array.from({ length: 30_000 }, () => ({ row: {} }));
    for (const value of [cyclic, shared, deep, wide]) expect(freezeFresh(value)).toBe(true);
    expect([cyclic, shared, wide].every((value) => isDeeplyFrozen(value))).toBe(true);
  });

  test('looks at a list that many rows share a few times, not once a row', () => {
    const { value, looks } = rowsSharing(new Array(2_000).fill(1), 1_000);
    expect(freezeFresh(value)).toBe(true);
    expect(isDeeplyFrozen((value as unknown[])[999])).toBe(true);
    expect(looks()).toBeLessThan(250_000);
  });
});
