import { types } from 'node:util';
import type { ClassExtension } from './contract.ts';
import type { Extensions } from './extensions.ts';
import { HIDDEN_MEMBERS, TAG } from './graph.ts';
import { MAX_PLAIN_MEMBERS } from './inspect.ts';
import { classNameOf, Float16, inThisRealm, isCopyable, isErrorClass, isPlainPrototype } from './kinds.ts';
import { type Segment, ValuePath } from './value-path.ts';

/**
 * The tree of plain data that stands for a value in the graph form (see `graph.ts`).
 *
 * @throws {CacheError} `UNSERIALIZABLE_VALUE` with the path, for a value that would not come back the same.
 */
export function lower(value: unknown, extensions: Extensions): unknown {
  return new Lowering(extensions).lower(value);
}

class Lowering {
  readonly #extensions: Extensions;
  readonly #path = new ValuePath();
  readonly #numbers = new Map<object, number>();
  /** Instances whose extension is at work. One met again could not be rebuilt: it is its own ingredient. */
  readonly #open = new Set<object>();

  constructor(extensions: Extensions) {
    this.#extensions = extensions;
  }

  lower(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return value.isWellFormed() ? value : [TAG.text, Buffer.from(value, 'utf16le')];
      case 'number':
        return Object.is(value, -0) ? [TAG.negativeZero] : value;
      case 'boolean':
      case 'undefined':
      case 'bigint':
        return value;
      case 'object':
        return value === null ? null : this.#lowerReference(value);
      default:
        return this.#path.refuse(`holds a ${typeof value}, which exists in this process only`);
    }
  }

  #lowerReference(value: object): unknown {
    const number = this.#numbers.get(value);
    if (number === undefined) {
      this.#numbers.set(value, this.#numbers.size);
      return this.#lowerObject(value);
    }
    if (this.#open.has(value)) this.#path.refuse('holds an extended instance that contains itself');
    return [TAG.reference, number];
  }

  #lowerObject(value: object): unknown {
    const prototype: object | null = Object.getPrototypeOf(value);
    if (isPlainPrototype(prototype)) return this.#lowerPlain(value as Record<string, unknown>);
    const extension = prototype === null ? undefined : this.#extensions.ofPrototype(prototype);
    if (extension !== undefined) return this.#lowerInstance(value, extension);
    const className = classNameOf(value);
    if (Array.isArray(value) && className === 'Array') return this.#lowerArray(value);
    return this.#lowerBuiltIn(value, className) ?? this.#lowerBinary(value, className) ?? this.#refuseInstance(value);
  }

  #lowerPlain(object: Record<string, unknown>): unknown {
    this.#refuseSymbols(object);
    const keys = Object.keys(object);
    if (keys.length > MAX_PLAIN_MEMBERS || keys.some((key) => key === '__proto__' || !key.isWellFormed())) {
      return this.#lowerMembers([TAG.object], object, keys);
    }
    const lowered: Record<string, unknown> = {};
    for (const key of keys) lowered[key] = this.#lowerMember(object, key);
    return lowered;
  }

  #lowerMembers(lowered: unknown[], object: Record<string, unknown>, keys: readonly string[]): unknown[] {
    for (const key of keys) lowered.push(this.lower(key), this.#lowerMember(object, key));
    return lowered;
  }

  #lowerMember(object: Record<string, unknown>, key: string): unknown {
    return this.#lowerAt(key, this.#read(object, key));
  }

  #lowerArray(array: readonly unknown[]): unknown {
    const lowered: unknown[] = [TAG.array];
    for (let index = 0; index < array.length; index++) {
      if (!(index in array)) this.#refuseAt(index, 'has a hole');
      lowered.push(this.#lowerAt(index, array[index]));
    }
    return lowered;
  }

  #lowerBuiltIn(value: object, className: string): unknown {
    if (types.isNativeError(value) && isErrorClass(className)) return this.#lowerError(value, className);
    if (types.isDate(value) && className === 'Date') return new Date(this.#bare(value).getTime());
    if (types.isMap(value) && className === 'Map') return this.#lowerMap(this.#bare(value));
    if (types.isSet(value) && className === 'Set') return this.#lowerSet(this.#bare(value));
    if (types.isRegExp(value) && className === 'RegExp') {
      const { source, flags, lastIndex } = this.#bare(value, 'lastIndex');
      if (typeof lastIndex !== 'number') this.#refuseAt('lastIndex', 'holds no number');
      return [TAG.regexp, this.#lowerAt('source', source), flags, lastIndex];
    }
    return undefined;
  }

  #lowerMap(map: ReadonlyMap<unknown, unknown>): unknown {
    const lowered: unknown[] = [TAG.map];
    let index = 0;
    for (const [key, value] of map) {
      lowered.push(this.#lowerAt({ place: `key ${index}` }, key), this.#lowerAt({ place: `value ${index}` }, value));
      index++;
    }
    return lowered;
  }

  #lowerSet(set: ReadonlySet<unknown>): unknown {
    const lowered: unknown[] = [TAG.set];
    let index = 0;
    for (const item of set) lowered.push(this.#lowerAt({ place: `item ${index++}` }, item));
    return lowered;
  }

  #lowerError(error: Error, className: string): unknown {
    this.#refuseSymbols(error);
    const hidden = Object.getOwnPropertyNames(error).filter(
      (name) => HIDDEN_MEMBERS.has(name) && !Object.prototype.propertyIsEnumerable.call(error, name),
    );
    const members = error as unknown as Record<string, unknown>;
    const lowered = [TAG.error, className, this.#lowerMembers([], members, hidden)];
    return this.#lowerMembers(lowered, members, Object.keys(error));
  }

  #lowerBinary(value: object, className: string): unknown {
    const isFloat16 = Float16 !== undefined && ArrayBuffer.isView(value) && className === 'Float16Array';
    if (isFloat16 && isCopyable(value)) {
      return [TAG.float16, Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)];
    }
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      if (!isCopyable(value)) this.#path.refuse('holds memory that is shared, resizable or detached');
      return inThisRealm(value, className);
    }
    return undefined;
  }

  #lowerInstance(instance: object, extension: ClassExtension): unknown {
    this.#open.add(instance);
    let data: unknown;
    try {
      data = extension.encode(instance);
    } catch (error) {
      this.#path.refuse('holds an instance whose extension threw', error);
    }
    const lowered = [TAG.extension, extension.name, this.#lowerAt({ place: extension.name }, data)];
    this.#open.delete(instance);
    return lowered;
  }

  #lowerAt(segment: Segment, value: unknown): unknown {
    this.#path.enter(segment);
    const lowered = this.lower(value);
    this.#path.leave();
    return lowered;
  }

  #read(object: Record<string, unknown>, key: string): unknown {
    try {
      return object[key];
    } catch (error) {
      return this.#refuseAt(key, 'has a getter that threw', error);
    }
  }

  /** The built-in itself, when it has no members beside the expected ones: they would be lost. */
  #bare<Value extends object>(value: Value, ...expected: string[]): Value {
    if (Reflect.ownKeys(value).length > expected.length) {
      this.#path.refuse(`holds a ${classNameOf(value)} with properties of its own`);
    }
    return value;
  }

  #refuseSymbols(object: object): void {
    const isEnumerable = (key: symbol): boolean => Object.prototype.propertyIsEnumerable.call(object, key);
    if (Object.getOwnPropertySymbols(object).some(isEnumerable)) this.#path.refuse('has a symbol as a key');
  }

  #refuseAt(segment: Segment, reason: string, cause?: unknown): never {
    this.#path.enter(segment);
    return this.#path.refuse(reason, cause);
  }

  #refuseInstance(value: object): never {
    const name = classNameOf(value);
    const subject = name === '' ? 'an object with a prototype of its own' : `an instance of ${name}`;
    return this.#path.refuse(`holds ${subject}; register a class extension for it, or store plain data`);
  }
}
