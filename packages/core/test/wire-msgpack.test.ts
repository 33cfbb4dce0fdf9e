import { deepStrictEqual } from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { json } from '../src/wire/json.ts';
import { msgpack } from '../src/wire/msgpack.ts';

const codec = msgpack();

function roundTrip<Value>(value: Value): Value {
  return codec.decode(codec.encode(value)) as Value;
}

const { buffer: memory } = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

const SURVIVING: readonly (readonly [string, unknown])[] = [
  ['null, booleans, undefined', [null, true, false, undefined, { member: undefined }]],
  ['undefined by itself', undefined],
  ['every width of integer', [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]],
  ['negative integers', [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1]],
  ['fractions and extremes', [0.1, -2.5, Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON]],
  ['not a number and infinities', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ['negative zero', [-0, { zero: -0 }, 0]],
  ['big integers around 64 bits', [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n]],
  [
    'big integers beyond',
    [-(2n ** 63n) - 1n, -(2n ** 64n), 3n ** 200n, -(3n ** 200n), 7n ** 60_000n, -(7n ** 60_000n)],
  ],
  ['strings around the header widths', [0, 1, 31, 32, 63, 64, 255, 256, 65_535, 65_536].map((n) => 'ä'.repeat(n))],
  ['astral and zero characters', ['𝒳😀', '\0', 'a\0b', '\ufeffbom', '\ufffd']],
  ['ill-formed strings', ['\ud800', 'cut \ud83d', '\udc00 tail', `${'x'.repeat(100)}\ud83d`]],
  ['ill-formed keys', { ['\ud800']: 1, ['a\udc00']: { nested: true } }],
  ['awkward keys', { '': 1, 1: 2, '-1': 3, constructor: 4, hasOwnProperty: 5, toJSON: 6, length: 7 }],
  ['dates', [new Date(0), new Date(1), new Date(-1), new Date(1_700_000_000_123), new Date(-62_135_596_800_001)]],
  ['dates at the ends of time', [new Date(8.64e15), new Date(-8.64e15), new Date(2 ** 32 * 1000)]],
  [
    'maps with keys of any kind',
    new Map<unknown, unknown>([
      [1, 'number'],
      ['1', 'string'],
      [{ a: 1 }, [2]],
      [null, new Map()],
    ]),
  ],
  ['sets', new Set<unknown>([1, '1', Number.NaN, [2], new Set([3])])],
  ['regular expressions', [/a\/b[/]c/giu, /(?:)/, /(?<name>x)/dy, /\ud800/]],
  ['typed arrays', [new Int8Array([-1]), new Uint8Array([255]), new Uint8ClampedArray([7]), new Int16Array([-2, 3])]],
  ['wider typed arrays', [new Uint16Array([9]), new Int32Array([-9]), new Uint32Array([1]), new Float32Array([1.5])]],
  ['widest typed arrays', [new Float64Array([Math.PI]), new BigInt64Array([-5n]), new BigUint64Array([5n])]],
  ['empty binaries', [new Uint8Array(0), Buffer.alloc(0), new ArrayBuffer(0), new Float64Array(0)]],
  [
    'views into larger memory',
    [new Uint8Array(memory, 3, 2), new Uint16Array(memory, 2, 2), new DataView(memory, 1, 4)],
  ],
  ['array buffers', [memory]],
  ['binaries around the header widths', [254, 255, 256, 65_534, 65_535, 65_536].map((n) => new Uint8Array(n).fill(n))],
  ['buffers', [Buffer.from('raw'), Buffer.alloc(300, 1), Buffer.alloc(70_000, 2)]],
  ['arrays around the header widths', [15, 16, 65_535, 65_536].map((n) => Array.from({ length: n }, (_, i) => i % 2))],
];

describe('msgpack brings back the same', () => {
  for (const [name, value] of SURVIVING) {
    test(name, () => {
      deepStrictEqual(roundTrip(value), value);
    });
    test(`${name}, beside what needs the graph form`, () => {
      const wrapped = new Map([['in a map', value]]);
      deepStrictEqual(roundTrip(wrapped), wrapped);
    });
  }

  test('objects with more members than a short map holds', () => {
    const value = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`key${index}`, index]));
    deepStrictEqual(roundTrip(value), value);
  });

  test('half-precision arrays where the runtime has them', () => {
    const { Float16Array: Float16 } = globalThis as { Float16Array?: new (items: number[]) => ArrayBufferView };
    if (Float16 === undefined) {
      expect(process.versions.node).toMatch(/^22\./);
      return;
    }
    const value = [new Float16([1.5, -2])];
    deepStrictEqual(roundTrip(value), value);
  });

  test('the class of binary data: Buffer stays Buffer, Uint8Array stays Uint8Array', () => {
    const bytes = codec.encode([Buffer.from('a'), Uint8Array.of(1)]);
    const [buffer, array] = codec.decode(new Uint8Array(bytes)) as [Buffer, Uint8Array];
    expect(Buffer.isBuffer(buffer)).toBe(true);
    expect(Buffer.isBuffer(array)).toBe(false);
  });

  test('an invalid date', () => {
    const [plain, mapped] = [roundTrip([new Date(Number.NaN)]), roundTrip(new Map([[1, new Date(Number.NaN)]]))];
    expect(plain[0]?.getTime()).toBeNaN();
    expect(mapped.get(1)?.getTime()).toBeNaN();
  });

  test('the last index of a regular expression', () => {
    const pattern = /a/g;
    pattern.lastIndex = 3;
    expect(roundTrip(pattern).lastIndex).toBe(3);
  });

  test('objects without a prototype, as plain objects', () => {
    const value = Object.assign(Object.create(null), { a: Object.assign(Object.create(null), { b: 1 }) });
    deepStrictEqual(roundTrip(value), { a: { b: 1 } });
  });

  test('nothing of what is not looked at, in either codec: it is dropped, and refuses nothing', () => {
    const array = Object.assign([1], { note: () => 1, [Symbol('note')]: 1 });
    const hidden = Object.defineProperty({ a: 1 }, 'hidden', { value: () => 1, enumerable: false });
    for (const codec of [msgpack(), json()]) {
      const { members, plain } = codec.decode(codec.encode({ members: array, plain: hidden })) as Record<
        string,
        object
      >;
      expect(Reflect.ownKeys(members as object)).toEqual(['0', 'length']);
      expect(Reflect.ownKeys(plain as object)).toEqual(['a']);
    }
    expect(Object.keys(roundTrip(Object.assign(new Uint8Array(1), { note: 1 })))).toEqual(['0']);
  });

  test('what a getter returned', () => {
    const value = {
      get area() {
        return 12;
      },
    };
    deepStrictEqual(roundTrip(value), { area: 12 });
  });

  test('objects of another realm, as objects of this one', () => {
    const foreign = runInNewContext(
      '({ o: { a: [1] }, d: new Date(5), m: new Map([[1, 2]]), s: new Set([1]), r: /x/g, e: new RangeError("far"), b: new Uint16Array([258]), a: new Uint8Array([1]).buffer })',
    );
    const value = roundTrip(foreign) as Record<string, unknown> & { e: Error };
    const { e, ...rest } = value;
    deepStrictEqual(rest, {
      o: { a: [1] },
      d: new Date(5),
      m: new Map([[1, 2]]),
      s: new Set([1]),
      r: /x/g,
      b: new Uint16Array([258]),
      a: Uint8Array.of(1).buffer,
    });
    expect(e).toBeInstanceOf(RangeError);
    expect(e.message).toBe('far');
  });
});

describe('the key __proto__', () => {
  const hostile = JSON.parse('{"a":{"__proto__":{"polluted":true}},"__proto__":[1]}');

  test('comes back as a property of its own', () => {
    const value = roundTrip(hostile);
    expect(Object.keys(value)).toEqual(['a', '__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(value.a, '__proto__')?.value).toEqual({ polluted: true });
  });

  test('pollutes nothing, neither written by us nor forged', () => {
    roundTrip(hostile);
    // { "__proto__": { "polluted": true } } in plain MessagePack
    codec.decode(
      Buffer.from(
        `81a9${Buffer.from('__proto__').toString('hex')}81a8${Buffer.from('polluted').toString('hex')}c3`,
        'hex',
      ),
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('references', () => {
  test('a shared object is one object again', () => {
    const category = { name: 'shoes' };
    const when = new Date(5);
    const value = roundTrip({
      products: [
        { category, when },
        { category, when },
      ],
      category,
    });
    expect(value.products[0]?.category).toBe(value.category);
    expect(value.products[1]?.category).toBe(value.category);
    expect(value.products[0]?.when).toBe(value.products[1]?.when);
    deepStrictEqual(value.category, category);
  });

  test('is one object again however many stand between its places', () => {
    for (let between = 0; between < 12; between++) {
      const shared = { s: 1 };
      const value = roundTrip([shared, ...Array.from({ length: between }, (_, index) => ({ index })), shared]);
      expect(value.at(-1)).toBe(value[0]);
    }
  });

  test('cycles through every kind of container', () => {
    interface Ring {
      self?: Ring;
      list: unknown[];
      map: Map<unknown, unknown>;
      set: Set<unknown>;
      error: Error;
    }
    const ring: Ring = { list: [], map: new Map(), set: new Set(), error: new Error('ring') };
    ring.self = ring;
    ring.list.push(ring.list, ring);
    ring.map.set(ring.map, ring);
    ring.set.add(ring.set);
    ring.error.cause = ring.error;
    const back = roundTrip(ring);
    expect(back.self).toBe(back);
    expect(back.list[0]).toBe(back.list);
    expect(back.list[1]).toBe(back);
    expect(back.map.get(back.map)).toBe(back);
    expect(back.set.has(back.set)).toBe(true);
    expect(back.error.cause).toBe(back.error);
  });

  test('integer-like keys, which come first in an object, do not shift the references', () => {
    const shared = { s: 1 };
    const value = roundTrip({ b: [shared], 2: { x: 1 }, a: shared, 1: [shared] });
    expect(value.a).toBe(value.b[0]);
    expect(value[1][0]).toBe(value.a);
  });

  test('an object shared at every level takes one place, not one a path', () => {
    let value: unknown = { leaf: true };
    for (let level = 0; level < 60; level++) value = [value, value];
    expect(codec.encode(value).byteLength).toBeLessThan(1000);
    expect(Array.isArray(codec.decode(codec.encode(value)))).toBe(true);
  });
});

describe('errors', () => {
  test('keep class, message, stack, cause and their own properties', () => {
    const error = Object.assign(new TypeError('bad', { cause: new Map([['why', -0]]) }), { code: 'E_BAD', errno: -2 });
    const back = roundTrip(error);
    expect(back).toBeInstanceOf(TypeError);
    expect([back.message, back.stack, back.code, back.errno]).toEqual(['bad', error.stack, 'E_BAD', -2]);
    deepStrictEqual(back.cause, error.cause);
    expect(Object.keys(back)).toEqual(['code', 'errno']);
  });

  test('do not gain what they did not have', () => {
    const back = roundTrip(new Error());
    expect(Object.hasOwn(back, 'message')).toBe(false);
    expect(Object.hasOwn(back, 'cause')).toBe(false);
    const bare = new Error('x');
    delete bare.stack;
    expect(Object.getOwnPropertyNames(roundTrip(bare))).toEqual(['message']);
  });

  test('keep a name of their own, and an aggregate its errors', () => {
    const error = new AggregateError([new RangeError('one'), 'two'], 'many');
    error.name = 'Named';
    const back = roundTrip(error);
    expect(back).toBeInstanceOf(AggregateError);
    expect(back.name).toBe('Named');
    expect(back.errors[0]).toBeInstanceOf(RangeError);
    expect(back.errors[1]).toBe('two');
  });

  test('of the runtime itself survive', () => {
    let caught: unknown;
    try {
      Buffer.alloc('x' as unknown as number);
    } catch (error) {
      caught = error;
    }
    const back = roundTrip(caught as Error & { code: string });
    expect(back).toBeInstanceOf(TypeError);
    expect(back.code).toBe('ERR_INVALID_ARG_TYPE');
  });
});

describe('memory', () => {
  test('a decoded binary keeps none of the input alive', () => {
    for (const value of [Buffer.from('payload'), Uint8Array.of(1, 2), new Float32Array([1]), Uint8Array.of(3).buffer]) {
      for (const held of [{ value }, new Map([['value', value]])]) {
        const input = Buffer.concat([Buffer.alloc(1000), codec.encode(held)]).subarray(1000);
        const decoded = codec.decode(input) as { value: unknown } | Map<string, unknown>;
        const binary = decoded instanceof Map ? decoded.get('value') : decoded.value;
        const buffer = ArrayBuffer.isView(binary) ? binary.buffer : (binary as ArrayBuffer);
        expect(buffer).not.toBe(input.buffer);
        expect(buffer.byteLength).toBe(value.byteLength);
      }
    }
  });

  test('the buffer that a large value needed is not kept for the small ones after it', () => {
    codec.encode('x'.repeat(3_000_000));
    expect(codec.encode({ small: true }).buffer.byteLength).toBeLessThanOrEqual(65_536);
  });

  test('what was encoded stays as it is while others are encoded', () => {
    const first = codec.encode({ n: 1 });
    const copy = Buffer.from(first);
    for (let index = 0; index < 2000; index++) codec.encode({ n: 'later'.repeat(index % 50) });
    expect(copy.equals(first)).toBe(true);
  });

  test('what was decoded stays as it is while others are decoded', () => {
    const small = { bytes: Uint8Array.of(1, 2, 3), buffer: Buffer.from('abc'), text: 'x'.repeat(300) };
    const first = roundTrip(small);
    const large = roundTrip({ bytes: new Uint8Array(20_000).fill(9), text: 'y'.repeat(20_000) });
    roundTrip({ bytes: Uint8Array.of(7, 7, 7), buffer: Buffer.from('zzz'), text: 'z'.repeat(300) });
    deepStrictEqual(first, small);
    expect(large.bytes.every((byte) => byte === 9)).toBe(true);
    expect(large.text).toBe('y'.repeat(20_000));
  });

  test.each([16_383, 16_384, 16_385])('a payload of %i bytes, around the size that is read from a copy', (bytes) => {
    const text = 't'.repeat(bytes - 3);
    expect(codec.encode(text).byteLength).toBe(bytes);
    expect(roundTrip(text)).toBe(text);
  });

  test('a value is encoded inside the getter of another', () => {
    const value = {
      get inner() {
        return codec.encode({ deep: [1, 2, 3] });
      },
      after: 'text',
    };
    const back = roundTrip(value);
    expect(codec.decode(back.inner)).toEqual({ deep: [1, 2, 3] });
    expect(back.after).toBe('text');
  });
});

test('plain values are plain MessagePack, others begin with the byte that MessagePack never uses', () => {
  expect(Buffer.from(codec.encode([1, 'a'])).toString('hex')).toBe('9201a161');
  expect(codec.encode(new Set([1]))[0]).toBe(0xc1);
});
