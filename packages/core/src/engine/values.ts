import type { Emitter } from '../emitter.ts';
import { CacheError } from '../errors.ts';
import { deepFreeze, freezeFresh } from '../memory/freeze.ts';
import type { MemoryEntry } from '../memory/memory-layer.ts';
import type { Isolation } from '../options.ts';
import type { Codec } from '../wire/codec.ts';
import { isBuiltIn } from '../wire/contract.ts';
import { envelopeBytes } from '../wire/envelope.ts';
import type { Stack } from './layer.ts';

/** A value on its way in: encoded for the shared layer, isolated for memory. */
export interface PreparedValue {
  readonly payload: Uint8Array;
  /** As memory holds it: the value, or its payload where every reader gets a copy. */
  readonly value: unknown;
  /** Whether every reader gets a copy, decoded from the payload. */
  readonly isCopied: boolean;
  /** Over `maxValueBytes`: not for the shared layer. */
  readonly isOversized: boolean;
}

/** A value as memory holds it. */
export type HeldValue = Pick<PreparedValue, 'value' | 'isCopied'>;

export interface ValuesOptions {
  readonly codec: Codec;
  readonly isolation: Isolation;
  readonly maxValueBytes: number;
  readonly onOversize: 'event' | 'throw';
  /** Most bytes of a whole entry, by the name of the store; those without a limit of their own are not in it. */
  readonly entryLimits: ReadonlyMap<string, number>;
  readonly emitter: Emitter;
}

/** Brings values in and out: the one place where they are encoded, isolated and measured. */
export class Values {
  readonly #options: ValuesOptions;
  readonly #freezeRead: (value: unknown) => boolean;

  constructor(options: ValuesOptions) {
    this.#options = options;
    // What another codec returns may be shared with somebody, or have accessors.
    this.#freezeRead = isBuiltIn(options.codec) ? freezeFresh : deepFreeze;
  }

  /**
   * Checks, encodes and isolates a value.
   *
   * @throws {CacheError} `UNDEFINED_VALUE`, `UNSERIALIZABLE_VALUE` or `VALUE_TOO_LARGE`
   */
  prepare(value: unknown): PreparedValue {
    if (value === undefined) {
      throw new CacheError('UNDEFINED_VALUE', "undefined means 'not cached' and cannot be stored; null can", {
        subject: 'value',
      });
    }
    const payload = this.#encode(value);
    const isOversized = this.#isOversized(payload.byteLength);
    const { value: held, isCopied } = this.#isolate(value, payload);
    return { payload, isOversized, value: held, isCopied };
  }

  /**
   * Refuses an entry that a layer of its stack could not take, where larger values are to be refused. Else such a layer
   * is passed over when the entry is written.
   *
   * @throws {CacheError} `VALUE_TOO_LARGE`
   */
  checkSize({ payload, isOversized }: PreparedValue, tags: readonly string[], stack: Stack): void {
    const { onOversize, entryLimits } = this.#options;
    if (onOversize !== 'throw' || isOversized || entryLimits.size === 0) return;
    for (const storeName of stack) {
      const limit = entryLimits.get(storeName);
      if (limit === undefined) continue;
      const bytes = envelopeBytes(tags, payload.byteLength);
      if (bytes > limit) throw tooLarge(`stores.${storeName}`, bytes, limit);
    }
  }

  /**
   * Reads a payload of the shared layer; the result belongs to this instance alone.
   *
   * @throws anything, on bytes the codec cannot read
   */
  read(payload: Uint8Array): HeldValue {
    const value = this.#options.codec.decode(payload);
    if (value === undefined) throw new CacheError('UNDEFINED_VALUE', 'the stored payload decodes to undefined');
    const { isolation } = this.#options;
    if (isolation === 'share' || !isMutable(value)) return { value, isCopied: false };
    if (isolation === 'freeze' && this.#freezeRead(value)) return { value, isCopied: false };
    return { value: ownBytes(payload), isCopied: true };
  }

  /** What a reader gets. */
  release(held: HeldValue): unknown {
    return held.isCopied ? this.#options.codec.decode(held.value as Uint8Array) : held.value;
  }

  /**
   * What a reader in memory gets, as a promise. From the second awaited read on, a value that is shared has one promise
   * for all its readers: making one costs about as much as the look-up, and 48 bytes in every entry that is read but
   * once would be for nothing.
   */
  released(entry: MemoryEntry): Promise<unknown> {
    const kept = entry.promise;
    if (kept instanceof Promise) return kept;
    const promise = Promise.resolve(this.release(entry));
    if (!entry.isCopied) entry.promise = kept === undefined ? null : promise;
    return promise;
  }

  #encode(value: unknown): Uint8Array {
    try {
      const payload = this.#options.codec.encode(value);
      if (!(payload instanceof Uint8Array)) throw new TypeError('a codec must encode to a Uint8Array');
      return payload;
    } catch (error) {
      if (CacheError.is(error)) throw error;
      throw new CacheError('UNSERIALIZABLE_VALUE', 'the codec refused the value', {}, { cause: error });
    }
  }

  #isolate(value: unknown, payload: Uint8Array): HeldValue {
    const { isolation } = this.#options;
    if (isolation === 'share' || !isMutable(value)) return { value, isCopied: false };
    if (isolation === 'freeze' && deepFreeze(value)) return { value, isCopied: false };
    // Held as bytes: the codec is the one copier that knows every supported type, and decoding is half of copying.
    return { value: ownBytes(payload), isCopied: true };
  }

  #isOversized(bytes: number): boolean {
    const { maxValueBytes, onOversize, emitter } = this.#options;
    if (bytes <= maxValueBytes) return false;
    if (onOversize === 'throw') throw tooLarge('maxValueBytes', bytes, maxValueBytes);
    emitter.emit('oversize', { bytes, limit: maxValueBytes, layer: undefined });
    return true;
  }
}

function tooLarge(subject: string, actual: number, limit: number): CacheError {
  const message = `the encoded value has ${actual} bytes, the limit is ${limit}`;
  return new CacheError('VALUE_TOO_LARGE', message, { subject, limit, actual });
}

function isMutable(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A copy that keeps no larger buffer alive. */
function ownBytes(payload: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(payload);
}
