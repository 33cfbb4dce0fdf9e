import { deepStrictEqual } from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { CacheError } from '../src/errors.ts';
import { type ClassExtension, type Codec, resolveCodec } from '../src/wire/codec.ts';
import { msgpack } from '../src/wire/msgpack.ts';

class Money {
  readonly cents: bigint;
  readonly #currency: string;
  constructor(cents: bigint, currency: string) {
    this.cents = cents;
    this.#currency = currency;
  }
  get currency(): string {
    return this.#currency;
  }
}

class Basket {
  readonly lines: Map<string, Money>;
  constructor(lines: Map<string, Money>) {
    this.lines = lines;
  }
}

const money: ClassExtension<Money, [bigint, string]> = {
  name: 'money',
  class: Money,
  encode: (instance) => [instance.cents, instance.currency],
  decode: ([cents, currency]) => new Money(cents, currency),
};
const basket: ClassExtension<Basket, Map<string, Money>> = {
  name: 'basket',
  class: Basket,
  encode: (instance) => instance.lines,
  decode: (lines) => new Basket(lines),
};

function refusal(act: () => unknown): CacheError {
  try {
    act();
  } catch (error) {
    if (CacheError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('class extensions', () => {
  const codec = msgpack({ extensions: [money, basket] });

  test('bring instances back, nested in each other and in anything else', () => {
    const value = [
      new Basket(new Map([['shoe', new Money(12n ** 30n, 'EUR')]])),
      { fee: new Money(1n, 'CHF') },
    ] as const;
    const [first, second] = codec.decode(codec.encode(value)) as typeof value;
    expect(first).toBeInstanceOf(Basket);
    expect(first.lines.get('shoe')).toBeInstanceOf(Money);
    expect(first.lines.get('shoe')?.cents).toBe(12n ** 30n);
    expect(second.fee.currency).toBe('CHF');
  });

  test('keep an instance that is shared one instance', () => {
    const price = new Money(5n, 'EUR');
    const [a, b, c] = codec.decode(codec.encode([price, { price }, new Basket(new Map([['x', price]]))])) as [
      Money,
      { price: Money },
      Basket,
    ];
    expect(b.price).toBe(a);
    expect(c.lines.get('x')).toBe(a);
  });

  test('of two codecs with the same name and another class do not meet', () => {
    class OtherMoney {
      readonly amount: number;
      constructor(amount: number) {
        this.amount = amount;
      }
    }
    const other = msgpack({
      extensions: [
        {
          name: 'money',
          class: OtherMoney,
          encode: (instance: OtherMoney) => instance.amount,
          decode: (amount: number) => new OtherMoney(amount),
        } as ClassExtension,
      ],
    });
    const ours = codec.encode(new Money(1n, 'EUR'));
    const theirs = other.encode(new OtherMoney(3));
    expect(codec.decode(ours)).toBeInstanceOf(Money);
    expect(other.decode(theirs)).toBeInstanceOf(OtherMoney);
    expect(refusal(() => other.encode(new Money(1n, 'EUR'))).code).toBe('UNSERIALIZABLE_VALUE');
  });

  test('may use the codec themselves', () => {
    class Sealed {
      readonly secret: unknown;
      constructor(secret: unknown) {
        this.secret = secret;
      }
    }
    const sealing: Codec = msgpack({
      extensions: [
        {
          name: 'sealed',
          class: Sealed,
          encode: (instance: Sealed) => sealing.encode(instance.secret),
          decode: (bytes: Uint8Array) => new Sealed(sealing.decode(bytes)),
        } as ClassExtension,
      ],
    });
    const value = { before: [-0], sealed: new Sealed(new Sealed(new Set([1]))), after: new Date(3) };
    deepStrictEqual(sealing.decode(sealing.encode(value)), value);
  });

  test('that a reader does not know make the payload unreadable', () => {
    expect(() => msgpack().decode(codec.encode(new Money(1n, 'EUR')))).toThrow('not what this codec writes');
  });

  test('whose data points at the unfinished instance are unreadable', () => {
    // [extension, 'basket', [reference, 0]]
    expect(() => codec.decode(Buffer.from('c19307a66261736b6574920000', 'hex'))).toThrow('not what this codec writes');
  });

  test('that throw at decoding make the payload unreadable, with the error as the cause', () => {
    const cause = new Error('too old');
    const failing = msgpack({
      extensions: [
        {
          ...money,
          decode() {
            throw cause;
          },
        } as unknown as ClassExtension,
      ],
    });
    expect(() => failing.decode(codec.encode(new Money(1n, 'EUR')))).toThrow(expect.objectContaining({ cause }));
  });

  test('do not cover subclasses', () => {
    class Discount extends Money {}
    expect(refusal(() => codec.encode([new Discount(1n, 'EUR')])).facts.path).toBe('$[0]');
  });

  test('whose data is refused, or who throw, are named in the path', () => {
    const wrap = (encode: () => unknown): Codec =>
      msgpack({ extensions: [{ ...money, encode } as unknown as ClassExtension] });
    const value = { fee: new Money(1n, 'EUR') };
    expect(refusal(() => wrap(() => ({ f: () => 1 })).encode(value)).facts.path).toBe('$.fee<money>.f');
    const cause = new Error('broken');
    const error = refusal(() =>
      wrap(() => {
        throw cause;
      }).encode(value),
    );
    expect([error.facts.path, error.cause]).toEqual(['$.fee', cause]);
  });

  test('whose data holds the instance itself, or never ends, are refused', () => {
    const circular = { ...money, encode: (instance: Money) => ({ instance }) } as unknown as ClassExtension;
    const endless = { ...money, encode: () => new Money(1n, 'EUR') } as unknown as ClassExtension;
    const encode = (extension: ClassExtension) => (): unknown =>
      msgpack({ extensions: [extension] }).encode(new Money(1n, 'EUR'));
    expect(refusal(encode(circular)).message).toContain('contains itself');
    expect(refusal(encode(endless)).message).toContain('1000 levels');
  });

  test('that are no extensions are refused at construction', () => {
    const { decode: _decode, ...withoutDecode } = money;
    for (const extensions of [
      [{ ...money, name: '' }],
      [{ ...money, name: 'x'.repeat(65) }],
      [{ ...money, class: undefined }],
      [{ ...money, class: () => 1 }],
      [{ ...money, class: Object }],
      [{ ...money, class: Array }],
      [withoutDecode],
      [money, { ...basket, name: 'money' }],
      [money, { ...money, name: 'second' }],
      'money',
    ]) {
      expect(refusal(() => msgpack({ extensions: extensions as unknown as ClassExtension[] })).code).toBe(
        'INVALID_OPTIONS',
      );
    }
  });
});

describe('the codec option', () => {
  const own: Codec = { name: 'own', id: 16, encode: () => new Uint8Array(0), decode: () => 1 };

  test('is a name, a codec of tierwise, or one of the user', () => {
    expect(resolveCodec(undefined).name).toBe('msgpack');
    expect(resolveCodec('msgpack').id).toBe(1);
    expect(resolveCodec('json').id).toBe(2);
    expect(resolveCodec(msgpack({ extensions: [money] })).id).toBe(1);
    expect(resolveCodec(own)).toBe(own);
  });

  test('is refused when it is something else', () => {
    const wrong: readonly unknown[] = [
      'bson',
      null,
      7,
      {},
      { ...own, name: '' },
      { ...own, id: 1 },
      { ...own, id: 15 },
      { ...own, id: 256 },
      { ...own, id: 16.5 },
      { ...own, encode: undefined },
      { ...own, decode: 'no' },
    ];
    for (const option of wrong) expect(refusal(() => resolveCodec(option as Codec)).code).toBe('INVALID_OPTIONS');
  });
});
