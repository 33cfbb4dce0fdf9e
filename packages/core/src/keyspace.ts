import type { CacheEntry } from './cache-entry.ts';
import {
  checkOptionalFunction,
  GET_OPTIONS,
  type GetOptions,
  type GetOrSetOptions,
  type SetOptions,
} from './call-options.ts';
import { checkObject, invalidOption, mapItems } from './checks.ts';
import { type Duration, toMs } from './duration.ts';
import type { LoadContext, Loader } from './engine/flight.ts';
import type { InvalidationResult, SetResult } from './engine/write-results.ts';
import { CacheError, describe } from './errors.ts';
import { resolveLoadTimeout, resolveTtl, type Ttl } from './options.ts';
import type { PlacementOptions } from './store-options.ts';

/** What a placeholder can be given. Equal text is the same key: `7` and `'7'` meet. */
export type KeyParam = string | number | bigint | boolean;

type PlaceholderOf<T extends string> = T extends `${string}{${infer Name}}${infer Rest}`
  ? Name | PlaceholderOf<Rest>
  : never;

/** The parameters of a key template: one property for each `{placeholder}`. */
export type KeyParams<T extends string> = { readonly [Name in PlaceholderOf<T>]: KeyParam };

/** Options of a keyspace with parameters `P` and values `V`. */
export interface KeyspaceOptions<P, V> extends PlacementOptions {
  /** Lifetime of its entries, also computed from the loaded value. Default: the cache's. */
  readonly ttl?: Ttl | ((value: V) => Ttl);
  /** Cap on their lifetime in the memory of an instance. Default: `memory.ttl` of the cache. */
  readonly memoryTtl?: Duration;
  /** Tags of an entry, from its parameters. */
  readonly tags?: (params: P) => readonly string[];
  /** More tags, computed from the loaded value. */
  readonly valueTags?: (value: V, params: P) => readonly string[];
  /** Loads an entry; with it, `get` reads through. */
  readonly load?: (params: P, context: LoadContext) => V | Promise<V>;
  /** How long `load` may take. Default: `loadTimeout` of the cache. */
  readonly loadTimeout?: Duration | 'off';
}

/** What a keyspace asks of the namespace it belongs to. */
export interface KeyedCache {
  peek<V>(key: string): V | undefined;
  get<V>(key: string, options?: GetOptions): Promise<V | undefined>;
  entry<V>(key: string, options?: GetOptions): Promise<CacheEntry<V> | undefined>;
  getOrSet<V>(key: string, loader: Loader<V>, options?: GetOrSetOptions<NoInfer<V>>): Promise<V>;
  getMany<V>(keys: readonly string[], options?: GetOptions): Promise<(V | undefined)[]>;
  set(key: string, value: unknown, options?: SetOptions): Promise<SetResult>;
  delete(key: string): Promise<InvalidationResult>;
  deleteMany(keys: readonly string[]): Promise<InvalidationResult>;
}

/** `getOrSet` of several keys as one call. */
export type LoadMany<V> = (
  keys: readonly string[],
  each: (index: number) => readonly [loader: Loader<V>, options: GetOrSetOptions<V>],
  read: GetOptions | undefined,
) => Promise<V[]>;

const NO_OPTIONS: Pick<SetOptions, 'version'> = Object.freeze({});

type Part = { readonly text: string } | { readonly name: string };

const PLACEHOLDER = /\{([^{}]*)\}/g;
const NAME = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/**
 * A family of keys with one shape: parameters `P`, values `V`, and `R` what `get` answers. Parameters are printed so that no two different sets of them share a key: `%` and `:`
 * in a value become `%25` and `%3A`.
 */
export class Keyspace<P extends object, V, R = V | undefined> {
  readonly #cache: KeyedCache;
  readonly #loadMany: LoadMany<V>;
  readonly #options: KeyspaceOptions<P, V>;
  readonly #parts: readonly Part[];
  readonly #names: ReadonlySet<string>;

  /** @internal */
  constructor(cache: KeyedCache, loadMany: LoadMany<V>, template: string, options: KeyspaceOptions<P, V>) {
    this.#cache = cache;
    this.#loadMany = loadMany;
    this.#options = options;
    this.#parts = parse(template);
    this.#names = new Set(this.#parts.flatMap((part) => ('name' in part ? [part.name] : [])));
  }

  /**
   * The key these parameters stand for.
   *
   * @throws {CacheError} `INVALID_PARAMETER`
   */
  key(params: P): string {
    const given = this.#check(params);
    return this.#parts.map((part) => ('text' in part ? part.text : print(part.name, given[part.name]))).join('');
  }

  /** The value; loaded when no layer has it, if the keyspace has `load`, else `undefined`. */
  get(params: P, options?: GetOptions): Promise<R> {
    const { load } = this.#options;
    const value =
      load === undefined
        ? this.#later(() => this.#cache.get<V>(this.key(params), this.#readOptions(options)))
        : this.getOrSet(params, (context) => load(params, context), options);
    // With `load` a value always comes, which `R` says and the compiler cannot see.
    return value as Promise<R>;
  }

  /** Like `get`, with a loader of this call. */
  getOrSet(params: P, loader: Loader<V>, options?: GetOptions): Promise<V> {
    return this.#later(() =>
      this.#cache.getOrSet(this.key(params), loader, this.#loadOptions(params, this.#readOptions(options))),
    );
  }

  /** The values of several parameter sets, in their order. What no layer has is loaded, if the keyspace has `load`. */
  async getMany(list: readonly P[], options?: GetOptions): Promise<R[]> {
    const { load } = this.#options;
    const keys = this.#keys(list);
    const read = this.#readOptions(options);
    if (load !== undefined) {
      const each = (index: number): readonly [Loader<V>, GetOrSetOptions<V>] => {
        const params = list[index] as P;
        return [(context) => load(params, context), this.#loadOptions(params, read)];
      };
      return (await this.#loadMany(keys, each, read)) as unknown as R[];
    }
    return (await this.#cache.getMany<V>(keys, read)) as R[];
  }

  /** The value in memory, synchronously. */
  peek(params: P): V | undefined {
    return this.#cache.peek<V>(this.key(params));
  }

  async entry(params: P, options?: GetOptions): Promise<CacheEntry<V> | undefined> {
    return this.#cache.entry<V>(this.key(params), this.#readOptions(options));
  }

  /** Stores a value, with the lifetime and tags of the keyspace; a `version` is the one option that a call has of its own. */
  async set(params: P, value: V, options: Pick<SetOptions, 'version'> = NO_OPTIONS): Promise<SetResult> {
    checkObject(options, 'options', SET_OPTIONS);
    const key = this.key(params);
    return this.#cache.set(key, value, { ...this.#setOptions(params, value), ...options });
  }

  async delete(params: P): Promise<InvalidationResult> {
    return this.#cache.delete(this.key(params));
  }

  async deleteMany(list: readonly P[]): Promise<InvalidationResult> {
    return this.#cache.deleteMany(this.#keys(list));
  }

  #keys(list: readonly P[]): string[] {
    return mapItems(list, 'list', (params) => this.key(params));
  }

  /** The options of a read, with what the keyspace has for those left out. Only those of a read are a call's own. */
  #readOptions(options: GetOptions | undefined): GetOptions | undefined {
    const { memoryTtl } = this.#options;
    if (options === undefined) return memoryTtl === undefined ? undefined : { memoryTtl };
    checkObject(options, 'options', GET_OPTIONS);
    return memoryTtl === undefined || options.memoryTtl !== undefined ? options : { ...options, memoryTtl };
  }

  #loadOptions(params: P, read: GetOptions | undefined): GetOrSetOptions<V> {
    const { ttl, tags, valueTags, loadTimeout } = this.#options;
    return {
      ...read,
      ...(ttl !== undefined && { ttl }),
      ...(tags !== undefined && { tags: tags(params) }),
      ...(valueTags !== undefined && { valueTags: (value: V) => valueTags(value, params) }),
      ...(loadTimeout !== undefined && { loadTimeout }),
    };
  }

  #setOptions(params: P, value: V): SetOptions {
    const { ttl, memoryTtl, tags, valueTags } = this.#options;
    const allTags = [...(tags?.(params) ?? []), ...(valueTags?.(value, params) ?? [])];
    return {
      ...(ttl !== undefined && { ttl: typeof ttl === 'function' ? ttl(value) : ttl }),
      ...(memoryTtl !== undefined && { memoryTtl }),
      ...(allTags.length > 0 && { tags: allTags }),
    };
  }

  #check(params: P): Readonly<Record<string, unknown>> {
    if (typeof params !== 'object' || params === null) {
      throw parameterError('params', `must be an object, got ${describe(params)}`);
    }
    for (const name of Object.keys(params)) {
      if (!this.#names.has(name)) throw parameterError(name, 'is not a placeholder of this keyspace');
    }
    return params as Readonly<Record<string, unknown>>;
  }

  /** A fault in the parameters rejects, as it does in every other method that answers with a promise. */
  #later<R>(call: () => Promise<R>): Promise<R> {
    try {
      return call();
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

const SET_OPTIONS = ['version'];
const OPTIONS = ['ttl', 'memoryTtl', 'tags', 'valueTags', 'load', 'loadTimeout', 'store', 'layers'];

/** Checks all options but those that only the cache can judge. */
export function checkKeyspaceOptions<P, V>(options: KeyspaceOptions<P, V>): void {
  checkObject(options, 'keyspace', OPTIONS);
  if (options.ttl !== undefined && typeof options.ttl !== 'function') resolveTtl(options.ttl, 'keyspace.ttl');
  if (options.memoryTtl !== undefined) toMs(options.memoryTtl, 'keyspace.memoryTtl');
  resolveLoadTimeout(options.loadTimeout, undefined);
  checkOptionalFunction(options.tags, 'keyspace.tags');
  checkOptionalFunction(options.valueTags, 'keyspace.valueTags');
  checkOptionalFunction(options.load, 'keyspace.load');
}

function parse(template: string): readonly Part[] {
  if (typeof template !== 'string' || template === '')
    throw invalidOption('template', 'must be a text such as user:{id}');
  const parts: Part[] = [];
  let end = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    const [whole, name = ''] = match;
    if (!NAME.test(name)) throw invalidOption('template', 'has a placeholder without a proper name');
    if (parts.some((part) => 'name' in part && part.name === name)) {
      throw invalidOption('template', `has the placeholder '${name}' twice`);
    }
    const text = template.slice(end, match.index);
    // A printed value holds no ':', so with one between any two of them a key can be cut in one way only.
    if (end > 0 && !text.includes(':')) throw invalidOption('template', "needs a ':' between two placeholders");
    parts.push({ text }, { name });
    end = match.index + whole.length;
  }
  parts.push({ text: template.slice(end) });
  if (parts.some((part) => 'text' in part && /[{}]/.test(part.text))) {
    throw invalidOption('template', 'has a brace that belongs to no placeholder');
  }
  return parts;
}

function print(name: string, value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.replaceAll('%', '%25').replaceAll(':', '%3A');
    case 'number':
      if (!Number.isFinite(value)) throw parameterError(name, 'must be a finite number');
      return String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      throw parameterError(name, `must be a string, number, bigint or boolean, got ${describe(value)}`);
  }
}

function parameterError(name: string, rule: string): CacheError {
  return new CacheError('INVALID_PARAMETER', `parameter ${name} ${rule}`, { subject: name });
}
