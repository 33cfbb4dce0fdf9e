import { CacheError, describe } from '../errors.ts';
import type { ClassExtension } from './contract.ts';

const MAX_NAME_CHARS = 64;

/** Classes the format carries by itself; an extension for one of them would never be asked. */
const CARRIED: ReadonlySet<unknown> = new Set([Object.prototype, Array.prototype, Function.prototype]);

/** The class extensions of one codec, found by instance when writing and by name when reading. */
export class Extensions {
  readonly #byName = new Map<string, ClassExtension>();
  readonly #byPrototype = new Map<object, ClassExtension>();

  /** @throws {CacheError} `INVALID_OPTIONS` */
  constructor(extensions: readonly ClassExtension[]) {
    for (const extension of extensions) this.#add(extension);
  }

  ofPrototype(prototype: object): ClassExtension | undefined {
    return this.#byPrototype.get(prototype);
  }

  ofName(name: unknown): ClassExtension | undefined {
    return this.#byName.get(name as string);
  }

  #add(extension: ClassExtension): void {
    const { name } = extension;
    if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_CHARS || !name.isWellFormed()) {
      throw invalid(`needs a name of 1 to ${MAX_NAME_CHARS} characters`);
    }
    if (this.#byName.has(name)) throw invalid('needs a name of its own, got one twice');
    const prototype: unknown = extension.class?.prototype;
    if (typeof extension.class !== 'function' || typeof prototype !== 'object' || prototype === null) {
      throw invalid(`needs a class, got ${describe(extension.class)}`);
    }
    if (CARRIED.has(prototype)) throw invalid('is for a class that survives without one');
    if (this.#byPrototype.has(prototype)) throw invalid('needs a class of its own, got one twice');
    if (typeof extension.encode !== 'function' || typeof extension.decode !== 'function') {
      throw invalid('needs the functions encode and decode');
    }
    this.#byName.set(name, extension);
    this.#byPrototype.set(prototype, extension);
  }
}

function invalid(rule: string): CacheError {
  return new CacheError('INVALID_OPTIONS', `a class extension ${rule}`, { subject: 'extensions' });
}
