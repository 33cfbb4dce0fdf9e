import { types } from 'node:util';
import { isPlainPrototype } from '../wire/kinds.ts';
import { Seen } from '../wire/seen.ts';

/**
 * Bytes by kind, as V8 lays values out on 64-bit machines without pointer compression, which is what Node runs:
 *
 * | value | bytes |
 * |---|---|
 * | small integer, boolean, `null`, `undefined` | 0 beside the slot that holds it |
 * | other number | 16; none in an unfrozen array that begins with a number |
 * | string | 16 + 1 per character, 2 when a character seen in a sample is beyond Latin-1, rounded up to 8 |
 * | big integer | 16 + 8 per 64 bits |
 * | object | 32 + 8 per property; past 64 properties 72 per property and the property's name |
 * | array | 48 + 8 per item |
 * | `Map`, `Set` | 72 + 28 or 20 per place, places being the next power of two |
 * | `Date` | 120 |
 * | binary data | 200 + its bytes |
 * | `RegExp` | 120 + its source |
 * | error | 200 + its message and stack |
 * | function, symbol | 64 |
 */
const BYTES = {
  number: 16,
  string: 16,
  bigint: 16,
  object: 32,
  property: 8,
  dictionaryProperty: 72,
  array: 48,
  item: 8,
  collection: 72,
  mapPlace: 28,
  setPlace: 20,
  date: 120,
  binary: 200,
  regexp: 120,
  error: 200,
  opaque: 64,
} as const;

/** Properties past which an object is taken for a dictionary, whose names are its own. */
const MAX_RECORD_PROPERTIES = 64;

/** Characters looked at, evenly spread, to tell one byte a character from two. */
const SAMPLED_CHARS = 16;
const MAX_LATIN1 = 0xff;

/** Members looked at in one value. What is pending shares them evenly, and stands for the members passed over. */
const MAX_VISITS = 65_536;
/** Members looked at in one container at most, so that visits remain for what they hold. */
const MAX_SAMPLE = 4096;
/** Members looked at in each container, even when the visits run out. */
const MIN_SAMPLE = 16;

/**
 * An estimate of the heap that a value keeps alive, in bytes, without serialising it. Meant to be right within a factor
 * of two.
 *
 * Shared and cyclic parts count once. Past 65,536 members, or 4,096 in one container, it looks at a sample: evenly spaced items of arrays, the first
 * ones of anything else, counted as many times as there are members for each. Strings count at every place where they
 * stand, though V8 may share them. A view counts its own bytes, not the memory it looks into. Never throws.
 */
export function estimateBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return leafBytes(value);
  const estimate = new Estimate(value);
  try {
    estimate.run();
  } catch {
    // A getter or a proxy threw; what was counted until then is the estimate.
  }
  return Math.ceil(estimate.bytes);
}

class Estimate {
  bytes = 0;
  readonly #seen = new Seen();
  readonly #pending: object[] = [];
  /** How many objects each pending one stands for. */
  readonly #weights: number[] = [];
  #visits = 0;
  #counted = 0;

  constructor(value: object) {
    this.#push(value, 1);
  }

  run(): void {
    for (let object = this.#pending.pop(); object !== undefined; object = this.#pending.pop()) {
      const weight = this.#weights.pop() as number;
      if (this.#visits > 2 * MAX_VISITS) {
        this.bytes += weight * (this.bytes / this.#counted);
        continue;
      }
      this.#counted += weight;
      this.#count(object, weight);
    }
  }

  #push(object: object, weight: number): void {
    if (this.#seen.meets(object)) return;
    this.#pending.push(object);
    this.#weights.push(weight);
  }

  #count(object: object, weight: number): void {
    if (isPlainPrototype(Object.getPrototypeOf(object))) this.#countObject(object as Record<string, unknown>, weight);
    else if (Array.isArray(object)) this.#countArray(object, weight);
    else this.#countOther(object, weight);
  }

  #countOther(object: object, weight: number): void {
    if (types.isMap(object)) this.#countMap(object, weight);
    else if (types.isSet(object)) this.#countSet(object, weight);
    else if (types.isDate(object)) this.bytes += weight * BYTES.date;
    else if (types.isRegExp(object)) this.bytes += weight * (BYTES.regexp + leafBytes(object.source));
    else if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) {
      this.bytes += weight * (BYTES.binary + object.byteLength);
    } else {
      if (types.isNativeError(object)) {
        this.bytes += weight * (BYTES.error + leafBytes(object.message) + leafBytes(object.stack));
      }
      this.#countObject(object as unknown as Record<string, unknown>, weight);
    }
  }

  #countArray(array: readonly unknown[], weight: number): void {
    const { length } = array;
    this.bytes += weight * (BYTES.array + BYTES.item * length);
    const sample = this.#sampleOf(length);
    const share = weight * (length / sample);
    const isUnboxed = typeof array[0] === 'number' && !Object.isFrozen(array);
    for (let index = 0; index < sample; index++) {
      const item = array[sample === length ? index : Math.floor((index * length) / sample)];
      if (!isUnboxed || typeof item !== 'number') this.#countMember(item, share);
    }
  }

  #countMap(map: ReadonlyMap<unknown, unknown>, weight: number): void {
    this.bytes += weight * (BYTES.collection + BYTES.mapPlace * placesFor(map.size));
    const sample = this.#sampleOf(map.size);
    const share = weight * (map.size / sample);
    let left = sample;
    for (const [key, value] of map) {
      if (left-- === 0) break;
      this.#countMember(key, share);
      this.#countMember(value, share);
    }
  }

  #countSet(set: ReadonlySet<unknown>, weight: number): void {
    this.bytes += weight * (BYTES.collection + BYTES.setPlace * placesFor(set.size));
    const sample = this.#sampleOf(set.size);
    const share = weight * (set.size / sample);
    let left = sample;
    for (const item of set) {
      if (left-- === 0) break;
      this.#countMember(item, share);
    }
  }

  #countObject(object: Record<string, unknown>, weight: number): void {
    const keys = Object.keys(object);
    const isRecord = keys.length <= MAX_RECORD_PROPERTIES;
    const perProperty = isRecord ? BYTES.property : BYTES.dictionaryProperty;
    this.bytes += weight * (BYTES.object + perProperty * keys.length);
    const sample = this.#sampleOf(keys.length);
    const share = weight * (keys.length / sample);
    for (let index = 0; index < sample; index++) {
      const key = keys[index] as string;
      if (!isRecord) this.bytes += share * leafBytes(key);
      this.#countMember(object[key], share);
    }
  }

  #countMember(member: unknown, weight: number): void {
    if (typeof member === 'object' && member !== null) this.#push(member, weight);
    else this.bytes += weight * leafBytes(member);
  }

  /** How many of `members` to look at: all while visits last, else a fair part of what is left of them. */
  #sampleOf(members: number): number {
    const fair = Math.floor((MAX_VISITS - this.#visits) / (this.#pending.length + 1));
    const sample = Math.min(members, MAX_SAMPLE, Math.max(MIN_SAMPLE, fair));
    this.#visits += sample + 1;
    return sample;
  }
}

function leafBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return stringBytes(value);
    case 'number':
      return (value | 0) === value ? 0 : BYTES.number;
    case 'bigint':
      return BYTES.bigint + 8 * bigintWords(value);
    case 'function':
    case 'symbol':
      return BYTES.opaque;
    default:
      return 0;
  }
}

function stringBytes(text: string): number {
  const { length } = text;
  const step = length <= SAMPLED_CHARS ? 1 : length / SAMPLED_CHARS;
  let charBytes = 1;
  for (let offset = 0; offset < length; offset += step) {
    if (text.charCodeAt(offset) > MAX_LATIN1) {
      charBytes = 2;
      break;
    }
  }
  return BYTES.string + 8 * Math.ceil((charBytes * length) / 8);
}

function bigintWords(value: bigint): number {
  return BigInt.asIntN(64, value) === value ? 1 : Math.ceil(value.toString(16).length / 16);
}

function placesFor(size: number): number {
  return Math.max(4, 2 ** Math.ceil(Math.log2(size)));
}
