import { isUtf8 } from 'node:buffer';
import { builtIn, type Codec } from './contract.ts';
import { classNameOf, isPlainPrototype } from './kinds.ts';
import { UnreadablePayload } from './unreadable.ts';
import { refusalOf, type Segment, ValuePath } from './value-path.ts';

/** Codec id of {@link json}. */
const JSON_CODEC_ID = 2;

/**
 * Most values, counted each time they are reached, in one JSON text. Only objects that contain each other twice over
 * and over come near it: they would be written out again at every place.
 */
const MAX_JSON_VALUES = 10_000_000;

/**
 * The readable codec: JSON text in UTF-8, for values that JSON brings back the same.
 *
 * Carried: plain objects, arrays without holes, strings, finite numbers, booleans, `null`. Everything else is refused
 * with the path, `undefined` members, `Date` and cyclic references among it. An object that is reached twice comes back
 * as two, one without a prototype with one. Properties on arrays beside the elements, and properties that are not
 * enumerable, are not looked at and dropped; a getter is stored as what it returns.
 */
export function json(): Codec {
  return CODEC;
}

const CODEC: Codec = builtIn({
  name: 'json',
  id: JSON_CODEC_ID,
  encode(value) {
    try {
      const { hasNegativeZero } = new JsonCheck(value);
      return Buffer.from(JSON.stringify(value, hasNegativeZero ? keepNegativeZero : undefined));
    } catch (error) {
      throw refusalOf(error);
    }
  },
  decode(bytes) {
    if (!isUtf8(bytes)) throw new UnreadablePayload();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    try {
      return JSON.parse(text);
    } catch {
      // The error of JSON.parse quotes the text.
      throw new UnreadablePayload();
    }
  },
});

function keepNegativeZero(_key: string, value: unknown): unknown {
  return Object.is(value, -0) ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('-0') : value;
}

class JsonCheck {
  hasNegativeZero = false;
  readonly #path = new ValuePath();
  readonly #ancestors = new Set<object>();
  #values = 0;

  /** @throws {CacheError} `UNSERIALIZABLE_VALUE` */
  constructor(value: unknown) {
    this.#check(value);
  }

  #check(value: unknown): void {
    if (++this.#values > MAX_JSON_VALUES) this.#path.refuse(`has more than ${MAX_JSON_VALUES} parts`);
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return;
      case 'number':
        if (!Number.isFinite(value)) this.#path.refuse('holds a number that is not finite');
        if (Object.is(value, -0)) this.hasNegativeZero = true;
        return;
      case 'object':
        if (value !== null) this.#checkObject(value);
        return;
      case 'undefined':
        this.#path.refuse('holds undefined, which JSON drops');
        break;
      default:
        this.#path.refuse(`holds a ${typeof value}, which JSON does not carry`);
    }
  }

  #checkObject(value: object): void {
    if (this.#ancestors.has(value)) this.#path.refuse('refers to itself');
    this.#ancestors.add(value);
    if (Array.isArray(value) && classNameOf(value) === 'Array') {
      for (let index = 0; index < value.length; index++) this.#checkAt(index, value[index]);
    } else if (isPlainPrototype(Object.getPrototypeOf(value))) {
      this.#checkMembers(value as Record<string, unknown>);
    } else {
      this.#path.refuse(`holds an instance of ${classNameOf(value) || 'a class'}, which JSON does not carry`);
    }
    this.#ancestors.delete(value);
  }

  #checkMembers(object: Record<string, unknown>): void {
    const symbols = Object.getOwnPropertySymbols(object);
    if (symbols.some((key) => Object.prototype.propertyIsEnumerable.call(object, key))) {
      this.#path.refuse('has a symbol as a key');
    }
    for (const key of Object.keys(object)) this.#checkAt(key, object[key]);
  }

  #checkAt(segment: Segment, value: unknown): void {
    this.#path.enter(segment);
    this.#check(value);
    this.#path.leave();
  }
}
