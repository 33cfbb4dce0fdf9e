import type { CacheEntry } from './cache-entry.ts';
import {
  type CallDefaults,
  checkLoader,
  checkOptionalFunction,
  checkSignal,
  GET_OR_SET_OPTIONS,
  type GetOptions,
  type GetOrSetOptions,
  type PatternOptions,
  SET_OPTIONS,
  type SetItem,
  type SetOptions,
  toCollectPlan,
  toLifetime,
  toLoadTimeoutMs,
  toReadSpec,
  toTags,
  toVersion,
} from './call-options.ts';
import { checkObject, invalidOption, mapItems } from './checks.ts';
import type { Invalidation } from './coherence/coordinator.ts';
import type { Engine } from './engine/engine.ts';
import type { Loader } from './engine/flight.ts';
import type { Stack } from './engine/layer.ts';
import type { LoadCall, LoadSpec } from './engine/loads.ts';
import type { MutateContext, MutateResult } from './engine/mutations.ts';
import type { ReadSpec } from './engine/reads.ts';
import type { SetSpec } from './engine/set-call.ts';
import type { InvalidationResult, PatternResult, SetResult } from './engine/write-results.ts';
import { CacheError, describe } from './errors.ts';
import {
  checkKey,
  checkKeyShape,
  checkPrefix,
  childScope,
  MAX_INVALIDATED_TAGS,
  type Scope,
  scoped,
  scopePrefixes,
} from './keys.ts';
import { checkKeyspaceOptions, type KeyParams, Keyspace, type KeyspaceOptions, type LoadMany } from './keyspace.ts';
import { type MutateOptions, type MutateTarget, toMutateNames, toMutatePlan } from './mutate.ts';
import { resolveStack } from './store-options.ts';
import { ATTRIBUTES, OPERATION_SPANS } from './telemetry/names.ts';
import { NOTHING } from './wire/event.ts';

const NO_OPTIONS: SetOptions = Object.freeze({});

/**
 * A part of a cache with keys and tags of its own: nothing that is passed to it reaches another namespace, whatever
 * characters it holds. The cache itself is the root namespace.
 *
 * Methods that answer with a promise reject, the others throw, always with a `CacheError`: `INVALID_KEY`, `INVALID_TAG`,
 * `INVALID_OPTIONS`, `INVALID_DURATION` or `CACHE_CLOSED`, before anything was read or written.
 */
export class Namespace {
  readonly #engine: Engine;
  readonly #scope: Scope;
  readonly #defaults: CallDefaults;
  readonly #plainRead: ReadSpec;
  readonly #loadCall: LoadCall<Loader<unknown>, GetOrSetOptions<never> | undefined>;

  /** @internal */
  constructor(engine: Engine, scope: Scope, stack: Stack = engine.options.stack) {
    this.#engine = engine;
    this.#scope = scope;
    const { ttlMs, loadTimeoutMs } = engine.options;
    this.#plainRead = Object.freeze({ signal: undefined, memoryTtlMs: undefined, stack });
    this.#defaults = { ttlMs, memoryTtlMs: undefined, loadTimeoutMs };
    this.#loadCall = { resolve: (loader, options) => this.#loadSpec(loader, options === undefined ? {} : options) };
  }

  /**
   * The value in memory, synchronously; `undefined` when memory may not answer. Judged by the same rule of freshness as
   * every other read.
   */
  peek<V = unknown>(key: string): V | undefined {
    return this.#engine.reads.peek(this.#key(key)) as V | undefined;
  }

  /** The value from memory or the shared layer; `undefined` when neither has one that counts. */
  get<V = unknown>(key: string, options?: GetOptions): Promise<V | undefined> {
    try {
      return this.#engine.reads.get(this.#key(key), toReadSpec(options, this.#plainRead)) as Promise<V | undefined>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like `get`, with the layer it came from and its age. */
  async entry<V = unknown>(key: string, options?: GetOptions): Promise<CacheEntry<V> | undefined> {
    const found = await this.#engine.reads.entry(this.#key(key), toReadSpec(options, this.#plainRead));
    if (found === undefined) return undefined;
    const { layer, ageMs, expiresInMs, entry } = found;
    const tags = entry.tags.map((tag) => this.#unscopedTag(tag));
    return { value: this.#engine.release(entry) as V, layer, ageMs, expiresInMs, tags };
  }

  /**
   * The value from memory, the shared layer, or the loader, whose result is then kept in both. However many callers ask
   * at once, the loader runs once. What the loader throws is not cached and rejects all who wait for it.
   *
   * Options are checked when the loader may be needed, not on a memory hit.
   *
   * @throws {CacheError} `INVALID_LOADER`, `LOAD_TIMEOUT`, `UNDEFINED_VALUE`, `UNSERIALIZABLE_VALUE`
   */
  getOrSet<V>(key: string, loader: Loader<V>, options?: GetOrSetOptions<NoInfer<V>>): Promise<V> {
    try {
      const scopedKey = this.#key(key);
      if (typeof loader !== 'function') checkLoader(loader);
      return this.#engine.reads.getOrSet(scopedKey, this.#loadCall, loader, options) as Promise<V>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The values of several keys, in their order, `undefined` where there is none. One read of the shared layer. */
  async getMany<V = unknown>(keys: readonly string[], options?: GetOptions): Promise<(V | undefined)[]> {
    const read = toReadSpec(options, this.#plainRead);
    return (await this.#engine.reads.getMany(this.#keys(keys), read)) as (V | undefined)[];
  }

  /**
   * Stores a value in all layers and makes every instance forget the one before.
   *
   * A write that conflicts with another one on the same key is not stored: the key is invalidated instead, since nobody
   * here can know which of the two the source holds. The result tells.
   *
   * @throws {CacheError} `UNDEFINED_VALUE`, `UNSERIALIZABLE_VALUE`, `VALUE_TOO_LARGE`, `NOT_DELIVERED`
   */
  set(key: string, value: unknown, options: SetOptions = NO_OPTIONS): Promise<SetResult> {
    try {
      const spec = this.#setSpec(key, value, options);
      const { recorder, writes } = this.#engine;
      if (!recorder.isRecording()) return writes.set(spec);
      return recorder.call(OPERATION_SPANS.set, spec.key, {}, (trace) => writes.set(spec, trace));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Stores several values in one round trip; all are checked before the first is written. Results in their order. */
  async setMany(items: readonly SetItem[]): Promise<SetResult[]> {
    const specs = mapItems(items, 'items', (item) => {
      checkItem(item);
      const { key, value, ...options } = item;
      return this.#setSpec(key, value, options);
    });
    const { recorder, writes } = this.#engine;
    return recorder.call(OPERATION_SPANS.setMany, undefined, { [ATTRIBUTES.keyCount]: specs.length }, (trace) =>
      writes.setMany(specs, trace),
    );
  }

  /** Makes every instance forget a key. */
  async delete(key: string): Promise<InvalidationResult> {
    checkKey(key);
    const scopedKey = this.#key(key);
    const { recorder, writes } = this.#engine;
    return recorder.call(OPERATION_SPANS.delete, scopedKey, {}, (trace) => writes.deleteKeys([scopedKey], trace));
  }

  /** Makes every instance forget several keys, in one round trip. */
  async deleteMany(keys: readonly string[]): Promise<InvalidationResult> {
    const scopedKeys = this.#keys(keys);
    for (const key of keys) checkKey(key);
    const { recorder, writes } = this.#engine;
    return recorder.call(OPERATION_SPANS.deleteMany, undefined, { [ATTRIBUTES.keyCount]: keys.length }, (trace) =>
      writes.deleteKeys(scopedKeys, trace),
    );
  }

  /** Makes every instance forget all entries that carry one of these tags, at most 500 in one call. */
  async invalidateTags(tags: readonly string[]): Promise<InvalidationResult> {
    this.#checkOpen();
    const scopedTags = toTags(this.#scope, tags, MAX_INVALIDATED_TAGS);
    return this.#invalidate(OPERATION_SPANS.invalidateTags, { ...NOTHING, tags: scopedTags });
  }

  /** Makes every instance forget all keys that begin with `prefix`, which must end with `:`. */
  async invalidatePrefix(prefix: string): Promise<InvalidationResult> {
    this.#checkOpen();
    checkPrefix(prefix);
    const prefixes = [scoped(this.#scope, prefix)];
    return this.#invalidate(OPERATION_SPANS.invalidatePrefix, { ...NOTHING, prefixes });
  }

  /**
   * Makes every instance forget all keys that match a glob: `*` is any run of characters, `?` one, `\\` takes the meaning
   * of the next character away. In force when the call resolves; stored entries are dropped in the background, since
   * that takes a walk through all keys. For whole segments at the start of keys a prefix is cheaper.
   *
   * At most 64 patterns are told apart at a time; the oldest one past that invalidates everything older than itself.
   */
  async invalidatePattern(pattern: string, options: PatternOptions = {}): Promise<PatternResult> {
    this.#checkOpen();
    checkKey(pattern);
    const scopedPattern = scoped(this.#scope, pattern);
    const plan = toCollectPlan(options);
    const { recorder, writes } = this.#engine;
    return recorder.call(OPERATION_SPANS.invalidatePattern, undefined, {}, (trace) =>
      writes.invalidatePattern(scopedPattern, plan, trace),
    );
  }

  /**
   * Runs a write to the source of truth under closed fences: from before it begins until after it ends, nothing that was
   * loaded meanwhile is kept anywhere, and everything named is invalidated when it has ended, also when this process dies
   * in between. See {@link MutateOptions}.
   *
   * @throws whatever `write` throws, after the fences were lifted
   * @throws {CacheError} `FENCE_UNAVAILABLE` before `write` was called, when a fence could not be closed
   */
  async mutate<R>(
    target: MutateTarget,
    write: (context: MutateContext) => R | Promise<R>,
    options: MutateOptions = {},
  ): Promise<MutateResult<R>> {
    this.#checkOpen();
    const names = toMutateNames(this.#scope, target);
    if (typeof write !== 'function') throw invalidOption('write', `must be a function, got ${describe(write)}`);
    const plan = toMutatePlan(options);
    const { recorder, mutations } = this.#engine;
    return recorder.call(OPERATION_SPANS.mutate, undefined, {}, (trace) => mutations.run(names, write, plan, trace));
  }

  /** Makes every instance forget everything in this namespace and those below it. */
  async clear(): Promise<InvalidationResult> {
    this.#checkOpen();
    const isRoot = this.#scope === '';
    const prefixes = isRoot ? [] : scopePrefixes(this.#scope);
    return this.#invalidate(OPERATION_SPANS.clear, { ...NOTHING, prefixes, clear: isRoot });
  }

  /**
   * A namespace below this one. It shares memory bounds, connections and statistics with the cache; keys and tags are its
   * own. 1 to 128 of `A-Z a-z 0-9 . _ @ + = ~ -`.
   *
   * @throws {CacheError} `INVALID_NAME`
   */
  namespace(name: string): Namespace {
    return new Namespace(this.#engine, childScope(this.#scope, name), this.#plainRead.stack);
  }

  /**
   * A family of keys with one shape, whose placeholders become typed parameters. They take what a key can be built from;
   * annotate the parameter of `load` or `tags` to narrow them.
   *
   * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`
   */
  keyspace<const T extends string, V, P extends KeyParams<T> = KeyParams<T>>(
    template: T,
    options: Omit<KeyspaceOptions<P, NoInfer<V>>, 'load'> & Required<Pick<KeyspaceOptions<P, V>, 'load'>>,
  ): Keyspace<P, V, V>;
  keyspace<const T extends string, V = unknown, P extends KeyParams<T> = KeyParams<T>>(
    template: T,
    options?: KeyspaceOptions<P, V>,
  ): Keyspace<P, V, V | undefined>;
  keyspace<P extends object, V>(template: string, options: KeyspaceOptions<P, V> = {}): Keyspace<P, V, V | undefined> {
    checkKeyspaceOptions(options);
    const stack = resolveStack(options, { ...this.#engine.options, stack: this.#plainRead.stack }, 'keyspace.');
    const home = stack === this.#plainRead.stack ? this : new Namespace(this.#engine, this.#scope, stack);
    return new Keyspace<P, V, V | undefined>(home, (...call) => home.#loadMany(...call), template, options);
  }

  async #loadMany<V>(...[keys, each, read]: Parameters<LoadMany<V>>): Promise<V[]> {
    const spec = toReadSpec(read, this.#plainRead);
    const eachOf = each as (index: number) => readonly [Loader<unknown>, GetOrSetOptions<never>];
    return (await this.#engine.reads.getOrSetMany(this.#keys(keys), spec, this.#loadCall, eachOf)) as V[];
  }

  #invalidate(name: string, invalidation: Omit<Invalidation, 'keys'>): Promise<InvalidationResult> {
    const { recorder, writes } = this.#engine;
    return recorder.call(name, undefined, {}, (trace) => writes.invalidate(invalidation, trace));
  }

  #loadSpec(loader: Loader<unknown>, options: GetOrSetOptions<never>): LoadSpec {
    checkObject(options, 'options', GET_OR_SET_OPTIONS);
    const { ttl, valueTags } = options as GetOrSetOptions<unknown>;
    checkOptionalFunction(valueTags, 'valueTags');
    const isComputed = typeof ttl === 'function';
    const { memoryTtl } = options;
    return {
      loader,
      lifetime: toLifetime(
        { ...(!isComputed && ttl !== undefined && { ttl }), ...(memoryTtl !== undefined && { memoryTtl }) },
        this.#defaults,
      ),
      ttlOf: isComputed ? ttl : undefined,
      tags: toTags(this.#scope, options.tags),
      tagsOf: valueTags,
      scope: this.#scope,
      stack: this.#plainRead.stack,
      timeoutMs: toLoadTimeoutMs(options.loadTimeout, this.#defaults),
      signal: checkSignal(options.signal),
    };
  }

  #setSpec(key: string, value: unknown, options: SetOptions): SetSpec {
    checkObject(options, 'options', SET_OPTIONS);
    const scopedKey = this.#key(key);
    checkKey(key);
    const { stack } = this.#plainRead;
    const version = toVersion(options.version);
    if (version !== undefined && !stack.includes(this.#engine.options.authorityStore)) {
      throw invalidOption('version', 'needs a layer that can compare, and none of these layers can');
    }
    const lifetime = toLifetime(options, this.#defaults);
    const tags = toTags(this.#scope, options.tags);
    return { key: scopedKey, lifetime, tags, version, stack, prepared: this.#engine.prepare(value, tags, stack) };
  }

  #keys(keys: readonly string[]): string[] {
    const scopedKeys = mapItems(keys, 'keys', (key) => this.#key(key));
    this.#checkOpen();
    return scopedKeys;
  }

  #key(key: string): string {
    if (this.#engine.isClosed) this.#checkOpen();
    checkKeyShape(key);
    return scoped(this.#scope, key);
  }

  #unscopedTag(tag: string): string {
    return this.#scope === '' ? (tag.startsWith('\0:') ? tag.slice(2) : tag) : tag.slice(this.#scope.length);
  }

  #checkOpen(): void {
    if (this.#engine.isClosed) throw new CacheError('CACHE_CLOSED', 'the cache was closed');
  }
}

function checkItem(item: object): void {
  checkObject(item, 'item', ['key', 'value', ...SET_OPTIONS]);
}
