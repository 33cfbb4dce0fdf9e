import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { CacheError } from '../src/errors.ts';
import type { Codec } from '../src/wire/codec.ts';
import { json } from '../src/wire/json.ts';
import { msgpack } from '../src/wire/msgpack.ts';

function refusal(codec: Codec, value: unknown): CacheError {
  try {
    codec.encode(value);
  } catch (error) {
    if (CacheError.is(error)) return error;
    throw error;
  }
  throw new Error('the value was accepted');
}

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}
class Registry extends Map<string, string> {}
class HttpError extends Error {}

const detached = new Uint8Array(4);
structuredClone(detached, { transfer: [detached.buffer] });
const holed = [1, 2, 3];
delete holed[1];
const annotated = Object.assign(new Map(), { note: 'lost' });
const annotatedDate = Object.assign(new Date(0), { note: 'lost' });

const REFUSED: readonly (readonly [string, unknown, string])[] = [
  ['a function', { items: [1, 2, 3, { onClick: () => 1 }] }, '$.items[3].onClick'],
  ['a method', { a: { toJSON() {} } }, '$.a.toJSON'],
  ['a class', [Money], '$[0]'],
  ['a symbol', [Symbol('secret')], '$[0]'],
  ['a symbol as a key', { a: { [Symbol('secret')]: 1 } }, '$.a'],
  ['a class instance', { price: new Money(1) }, '$.price'],
  ['a subclass of a built-in', { deep: [new Registry()] }, '$.deep[0]'],
  ['a subclass of Error', { error: new HttpError('x') }, '$.error'],
  ['an object with a prototype of its own', { o: Object.create({ inherited: 1 }) }, '$.o'],
  ['a subclass of Array', [new (class Rows extends Array {})()], '$[0]'],
  ['a promise', { p: Promise.resolve(1) }, '$.p'],
  ['a WeakMap', { w: new WeakMap() }, '$.w'],
  ['a WeakRef', { w: new WeakRef({}) }, '$.w'],
  ['a generator', (function* () {})(), '$'],
  ['a boxed string', { s: Object('boxed') }, '$.s'],
  ['a boxed number', [Object(1)], '$[0]'],
  ['a URL', { home: new URL('https://example.org') }, '$.home'],
  ['a hole', { list: holed }, '$.list[1]'],
  ['an array of holes only', new Array(1_000_000_000), '$[0]'],
  ['shared memory', { m: new SharedArrayBuffer(8) }, '$.m'],
  ['a view of shared memory', [new Uint8Array(new SharedArrayBuffer(8))], '$[0]'],
  ['resizable memory', { m: new ArrayBuffer(8, { maxByteLength: 16 }) }, '$.m'],
  ['detached memory', { m: detached }, '$.m'],
  ['properties on a Map', { m: annotated }, '$.m'],
  ['properties on a Date', { d: annotatedDate }, '$.d'],
  [
    'a function as a key of a Map',
    new Map<unknown, unknown>([
      [1, 1],
      [() => 1, 2],
    ]),
    '$<key 1>',
  ],
  ['a function as a value in a Map', { m: new Map([['k', () => 1]]) }, '$.m<value 0>'],
  ['a function in a Set', new Set([1, 2, () => 1]), '$<item 2>'],
  ['a function in a cause', { e: new Error('x', { cause: { f: () => 1 } }) }, '$.e.cause.f'],
  ['a function under an odd key', { 'a-b': { 'c d': () => 1 } }, '$["a-b"]["c d"]'],
  ['a function beyond a cycle', cyclicWithFunction(), '$.list[1]'],
  ['a class instance of another realm', runInNewContext('({ x: new (class Far {})() })'), '$.x'],
];

function cyclicWithFunction(): unknown {
  const value: { list: unknown[] } = { list: [] };
  value.list.push(value, () => 1);
  return value;
}

describe('msgpack refuses with the path', () => {
  for (const [name, value, path] of REFUSED) {
    test(name, () => {
      const error = refusal(msgpack(), value);
      expect(error.code).toBe('UNSERIALIZABLE_VALUE');
      expect(error.facts.path).toBe(path);
      expect(error.message).toContain(path);
      expect(error.message).not.toContain('secret');
    });
  }

  test('nesting beyond the limit, and accepts what is within', () => {
    const nested = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level++) value = wrap(value);
      return value;
    };
    for (const wrap of [
      (inner: unknown) => [inner],
      (inner: unknown) => ({ inner }),
      (inner: unknown) => new Map([[inner, 1]]),
      (inner: unknown) => new Set([inner]),
    ]) {
      expect(msgpack().decode(msgpack().encode(nested(1000, wrap)))).toBeDefined();
      expect(refusal(msgpack(), nested(1001, wrap)).message).toContain('1000 levels');
      expect(refusal(msgpack(), nested(100_000, wrap)).facts.path?.length).toBeLessThan(400);
    }
  });

  test('a getter that throws, with its error as the cause', () => {
    const cause = new Error('no');
    const value = {
      a: {
        get broken() {
          throw cause;
        },
      },
    };
    const error = refusal(msgpack(), value);
    expect(error.facts.path).toBe('$.a.broken');
    expect(error.cause).toBe(cause);
  });

  test('and goes on working afterwards', () => {
    refusal(msgpack(), { a: [() => 1] });
    expect(msgpack().decode(msgpack().encode({ a: 1 }))).toEqual({ a: 1 });
  });
});

describe('json', () => {
  const FINE: readonly unknown[] = [
    null,
    true,
    '',
    'ä😀\0',
    '\ud800',
    0,
    -0,
    1e300,
    [-0, [0, -0], { z: -0 }],
    [],
    {},
    { '': [{ a: null }], ['\ud800']: 1 },
    JSON.parse('{"__proto__":{"a":1}}'),
  ];

  test('brings back the same', () => {
    for (const value of FINE) {
      const back = json().decode(json().encode(value));
      expect(back).toStrictEqual(value);
      expect(Object.is(back, value) || typeof value === 'object').toBe(true);
    }
    expect(Object.is((json().decode(json().encode({ z: -0 })) as { z: number }).z, -0)).toBe(true);
  });

  test('is readable', () => {
    expect(Buffer.from(json().encode({ a: [1, 'x'] })).toString()).toBe('{"a":[1,"x"]}');
  });

  const cyclic: { self?: unknown } = {};
  cyclic.self = [cyclic];
  const more: readonly (readonly [string, unknown, string])[] = [
    ['undefined by itself', undefined, '$'],
    ['an undefined member', { a: [{ b: undefined }] }, '$.a[0].b'],
    ['a hole', { list: holed }, '$.list[1]'],
    ['not a number', [Number.NaN], '$[0]'],
    ['infinity', { n: Number.POSITIVE_INFINITY }, '$.n'],
    ['a big integer', { n: 1n }, '$.n'],
    ['a date', { d: new Date(0) }, '$.d'],
    ['a map', [new Map()], '$[0]'],
    ['a buffer', [Buffer.from('x')], '$[0]'],
    ['a class instance', { price: new Money(1) }, '$.price'],
    ['a function', { toJSON: () => 1 }, '$.toJSON'],
    ['a symbol as a key', [{ [Symbol('secret')]: 1 }], '$[0]'],
    ['a cycle', cyclic, '$.self[0]'],
  ];
  for (const [name, value, path] of more) {
    test(`refuses ${name} with the path`, () => {
      const error = refusal(json(), value);
      expect(error.code).toBe('UNSERIALIZABLE_VALUE');
      expect(error.facts.path).toBe(path);
      expect(error.message).not.toContain('secret');
    });
  }

  test('refuses an object shared at every level instead of writing it out without end', () => {
    let value: unknown = 1;
    for (let level = 0; level < 60; level++) value = [value, value];
    expect(refusal(json(), value).message).toContain('parts');
  });

  test('refuses nesting beyond the limit', () => {
    let value: unknown = 1;
    for (let level = 0; level < 1001; level++) value = [value];
    expect(refusal(json(), value).message).toContain('1000 levels');
  });

  test('throws on bytes that are no JSON text, and quotes nothing of them', () => {
    for (const text of ['', '{', '{"secret":1}x', 'secret', '\ufeff1']) {
      expect(() => json().decode(Buffer.from(text))).toThrow('the payload is not what this codec writes');
    }
    expect(() => json().decode(Buffer.from([0x22, 0xff, 0x22]))).toThrow('the payload is not what this codec writes');
  });
});
