import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CacheError } from '../src/errors.ts';
import { decodeEnvelope, type EnvelopeHeader, encodeEnvelope } from '../src/wire/envelope.ts';
import { isPlain } from '../src/wire/inspect.ts';
import { json } from '../src/wire/json.ts';
import { msgpack } from '../src/wire/msgpack.ts';
import { UnreadablePayload } from '../src/wire/unreadable.ts';

const RUNS = { numRuns: 2000 };
const codec = msgpack();

/** Strings of any UTF-16 units, half pairs included. */
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 80 })
  .map((units) => String.fromCharCode(...units));
const anything = fc.anything({
  key: fc.oneof(fc.string(), anyUnits, fc.constant('__proto__')),
  values: [
    fc.string({ unit: 'binary', maxLength: 300 }),
    anyUnits,
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.float(),
    fc.constant(-0),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.string().map((message) => Object.assign(new RangeError(message), { code: message })),
  ],
  withTypedArray: true,
  withMap: true,
  withSet: true,
  maxDepth: 5,
});

describe('msgpack', () => {
  test('brings any supported value back the same', () => {
    fc.assert(
      fc.property(anything, (value) => {
        deepStrictEqual(codec.decode(codec.encode(value)), value);
      }),
      RUNS,
    );
  });

  test('takes the short form for everything that JSON can say and holds no object twice', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const isOrdinary =
          !text.includes('__proto__') &&
          !text.includes('\\ud') &&
          !JSON.stringify(value, negativeZero).includes('"-0"');
        if (isOrdinary) expect(isPlain(value)).toBe(true);
        deepStrictEqual(codec.decode(codec.encode(value)), value);
      }),
      RUNS,
    );
  });

  test('throws on every proper prefix, and on trailing bytes', () => {
    fc.assert(
      fc.property(anything, fc.nat(), (value, cut) => {
        const bytes = codec.encode(value);
        expect(() => codec.decode(bytes.subarray(0, cut % bytes.length))).toThrow('not what this codec writes');
        expect(() => codec.decode(Buffer.concat([bytes, Buffer.from([cut & 0xff])]))).toThrow();
      }),
      RUNS,
    );
  });

  test('returns or throws on any bytes, and works on afterwards', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (random, isGraph) => {
        const bytes = isGraph ? Uint8Array.of(0xc1, ...random) : random;
        survives(bytes);
        expect(codec.decode(codec.encode({ still: ['fine'] }))).toEqual({ still: ['fine'] });
      }),
      RUNS,
    );
  });

  test('returns or throws on valid bytes with one of them changed', () => {
    fc.assert(
      fc.property(anything, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, place, byte) => {
        const bytes = Buffer.from(codec.encode([value, new Map([[value, value]])]));
        bytes[place % bytes.length] = byte;
        survives(bytes);
      }),
      RUNS,
    );
  });

  test('never throws anything but a refusal when it encodes', () => {
    fc.assert(
      fc.property(fc.anything({ withBoxedValues: true, withSparseArray: true, withNullPrototype: true }), (value) => {
        try {
          codec.encode(value);
        } catch (error) {
          expect(CacheError.is(error) && error.code).toBe('UNSERIALIZABLE_VALUE');
        }
      }),
      RUNS,
    );
  });
});

/** Bytes that promise gigabytes or endless nesting; each is tried bare, in an array, and in the graph form. */
const BOMBS: readonly string[] = [
  'ddffffffff',
  'dfffffffff',
  'c6ffffffff',
  'dbffffffff',
  'c9ffffffff42',
  'c9ffffffff74',
  'dd7fffffff'.repeat(1000),
  'df7fffffff'.repeat(1000),
  'dcffff'.repeat(100_000),
  'deffff'.repeat(100_000),
  '91'.repeat(1_000_000),
  '81a161'.repeat(300_000),
  '9f'.repeat(1_000_000),
  'd40191'.repeat(300_000),
  'd4727f'.repeat(300_000),
  'd469000000'.repeat(100_000),
  'd6690000000190d67000000001',
  'd662ffffffffc1c1',
  'd662000000ff'.repeat(10_000),
  '92a3' + '616263',
  '9106',
  '9206a5',
  '93' + '06a54572726f72' + 'cbfff0000000000000',
  '920091',
  '9200cb7ff8000000000000',
  '9405a4282b2b2ba000',
  '9407a178c0c0',
];

describe('forged bytes', () => {
  test('come to an end and take no memory to speak of', () => {
    for (const hex of BOMBS) {
      const bytes = Buffer.from(hex, 'hex');
      for (const form of [
        bytes,
        Buffer.concat([Buffer.from('91', 'hex'), bytes]),
        Buffer.concat([Buffer.from('c1', 'hex'), bytes]),
      ]) {
        const before = process.memoryUsage().rss;
        survives(form);
        expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
      }
    }
  });

  test('of the graph form are unreadable where they contradict themselves, and quote nothing', () => {
    const forged: readonly (readonly [string, string])[] = [
      ['a reference to what is not there', '920000'],
      ['a reference to a fraction', '9201' + '9200cb3fe0000000000000'],
      ['an unknown tag', '9111'],
      ['an array without a tag', '90'],
      ['a regular expression that does not parse', '9405a4282b2b2ba000'],
      ['a regular expression without flags', '9205a161'],
      ['an unknown class of error', '9306a35a5a5a90'],
      ['an error with a count for members', '9306a54572726f7205'],
      ['an error with a number for a name', '9306a54572726f72920102'],
      ['text that is no bytes', '9209a161'],
      ['an object with a number for a key', '93020102'],
    ];
    for (const [name, hex] of forged) {
      expect(() => codec.decode(Buffer.from(`c1${hex}`, 'hex')), name).toThrow(UnreadablePayload);
    }
  });

  test('with shared parts do not multiply: pointers of msgpackr are not followed', () => {
    // An object that is named 1 and then pointed to.
    expect(() => codec.decode(Buffer.from('92d6690000000190d67000000001', 'hex'))).toThrow();
  });
});

describe('json', () => {
  test('brings any JSON value back the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        deepStrictEqual(json().decode(json().encode(value)), value);
      }),
      RUNS,
    );
  });

  test('accepts nothing that it does not bring back the same', () => {
    fc.assert(
      fc.property(anything, (value) => {
        let bytes: Uint8Array;
        try {
          bytes = json().encode(value);
        } catch (error) {
          expect(CacheError.is(error) && error.code).toBe('UNSERIALIZABLE_VALUE');
          return;
        }
        deepStrictEqual(json().decode(bytes), value);
      }),
      RUNS,
    );
  });
});

const header: fc.Arbitrary<EnvelopeHeader> = fc.record({
  codecId: fc.integer({ min: 1, max: 255 }),
  epoch: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  lease: fc.maxSafeNat(),
  seq: fc.maxSafeNat(),
  expiresAtMs: fc.maxSafeNat(),
  version: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 }), { nil: undefined }),
  tags: fc.array(fc.string({ unit: 'binary' }), { maxLength: 6 }),
});

describe('the envelope', () => {
  test('comes back the same, and every proper prefix of it is truncated', () => {
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 100 }), fc.nat(), (written, payload, cut) => {
        const bytes = encodeEnvelope(written, payload);
        const envelope = decodeEnvelope(bytes);
        expect(envelope).toEqual({ ...written, payload: Buffer.from(payload) });
        expect(decodeEnvelope(bytes.subarray(0, cut % bytes.length))).toBe('truncated');
      }),
      RUNS,
    );
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        header,
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
        (written, payload, changes) => {
          const bytes = encodeEnvelope(written, payload);
          for (const [place, byte] of changes) bytes[place % bytes.length] = byte;
          expect(['string', 'object']).toContain(typeof decodeEnvelope(bytes));
          expect(['string', 'object']).toContain(typeof decodeEnvelope(payload));
        },
      ),
      RUNS,
    );
  });
});

function negativeZero(_key: string, value: unknown): unknown {
  return Object.is(value, -0) ? '-0' : value;
}

function survives(bytes: Uint8Array): void {
  try {
    codec.decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadablePayload);
    expect((error as Error).cause).toBeUndefined();
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
}
