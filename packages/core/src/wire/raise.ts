import type { Extensions } from './extensions.ts';
import { TAG } from './graph.ts';
import { Float16, makeError } from './kinds.ts';
import { UnreadablePayload } from './unreadable.ts';

/**
 * The value that a tree of the graph form stands for. The tree is used up: its maps become the objects of the value.
 *
 * @throws {UnreadablePayload} for a tree that `lower` does not write, and for the name of an unknown extension.
 */
export function raise(tree: unknown, extensions: Extensions): unknown {
  try {
    return new Raising(extensions).raise(tree);
  } catch (error) {
    throw error instanceof UnreadablePayload ? error : new UnreadablePayload();
  }
}

/** Holds the number of an extended instance until it is rebuilt. */
const PENDING = Symbol('pending');

class Raising {
  readonly #extensions: Extensions;
  readonly #objects: unknown[] = [];

  constructor(extensions: Extensions) {
    this.#extensions = extensions;
  }

  raise(tree: unknown): unknown {
    if (typeof tree !== 'object' || tree === null) return tree;
    if (Array.isArray(tree)) return this.#raiseTagged(tree);
    this.#objects.push(tree);
    if (Object.getPrototypeOf(tree) !== Object.prototype) return tree;
    const object = tree as Record<string, unknown>;
    for (const key in object) object[key] = this.raise(object[key]);
    return object;
  }

  #raiseTagged(tree: readonly unknown[]): unknown {
    switch (tree[0]) {
      case TAG.reference:
        return this.#raiseReference(tree[1]);
      case TAG.array:
        return this.#raiseArray(tree);
      case TAG.object:
        return this.#raiseMembers(this.#begin({}), tree, 1, true);
      case TAG.map:
        return this.#raiseMap(tree);
      case TAG.set:
        return this.#raiseSet(tree);
      case TAG.regexp:
        return this.#raiseRegExp(tree);
      case TAG.error:
        return this.#raiseError(tree);
      case TAG.extension:
        return this.#raiseInstance(tree);
      case TAG.negativeZero:
        return -0;
      case TAG.text:
        return bytesOf(tree[1]).toString('utf16le');
      case TAG.float16:
        return this.#begin(float16Of(bytesOf(tree[1])));
      default:
        throw new UnreadablePayload();
    }
  }

  #raiseReference(number: unknown): unknown {
    const object = typeof number === 'number' ? this.#objects[number] : undefined;
    if (object === undefined || object === PENDING) throw new UnreadablePayload();
    return object;
  }

  #raiseArray(tree: readonly unknown[]): unknown {
    const array: unknown[] = this.#begin([]);
    for (let index = 1; index < tree.length; index++) array.push(this.raise(tree[index]));
    return array;
  }

  #raiseMap(tree: readonly unknown[]): unknown {
    const map = this.#begin(new Map<unknown, unknown>());
    for (let index = 1; index < tree.length; index += 2) {
      const key = this.raise(tree[index]);
      map.set(key, this.raise(tree[index + 1]));
    }
    return map;
  }

  #raiseSet(tree: readonly unknown[]): unknown {
    const set = this.#begin(new Set<unknown>());
    for (let index = 1; index < tree.length; index++) set.add(this.raise(tree[index]));
    return set;
  }

  #raiseRegExp(tree: readonly unknown[]): unknown {
    const source = this.raise(tree[1]);
    const [, , flags, lastIndex] = tree;
    if (typeof source !== 'string' || typeof flags !== 'string' || typeof lastIndex !== 'number') {
      throw new UnreadablePayload();
    }
    const regexp = this.#begin(new RegExp(source, flags));
    regexp.lastIndex = lastIndex;
    return regexp;
  }

  #raiseError(tree: readonly unknown[]): unknown {
    const error = makeError(tree[1]);
    const hidden = tree[2];
    if (error === undefined || !Array.isArray(hidden)) throw new UnreadablePayload();
    this.#begin(error);
    for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name);
    this.#raiseMembers(error, hidden, 0, false);
    return this.#raiseMembers(error, tree, 3, true);
  }

  #raiseMembers(object: object, tree: readonly unknown[], from: number, enumerable: boolean): unknown {
    for (let index = from; index < tree.length; index += 2) {
      const key = this.raise(tree[index]);
      if (typeof key !== 'string') throw new UnreadablePayload();
      const value = this.raise(tree[index + 1]);
      // Defined, not assigned: the key may be `__proto__`.
      Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
    }
    return object;
  }

  #raiseInstance(tree: readonly unknown[]): unknown {
    const extension = this.#extensions.ofName(tree[1]);
    if (extension === undefined) throw new UnreadablePayload();
    const number = this.#objects.push(PENDING) - 1;
    const data = this.raise(tree[2]);
    try {
      this.#objects[number] = extension.decode(data);
    } catch (error) {
      throw new UnreadablePayload({ cause: error });
    }
    return this.#objects[number];
  }

  #begin<Value extends object>(object: Value): Value {
    this.#objects.push(object);
    return object;
  }
}

function bytesOf(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) throw new UnreadablePayload();
  return value;
}

function float16Of(bytes: Buffer): object {
  if (Float16 === undefined) throw new UnreadablePayload();
  return new Float16(Uint8Array.from(bytes).buffer);
}
