import { checkObject, invalidOption, wholeNumber } from './checks.ts';
import { type Duration, toMs } from './duration.ts';
import type { Lifetime } from './engine/context.ts';
import type { ReadSpec } from './engine/reads.ts';
import type { CollectPlan } from './engine/writes.ts';
import { CacheError, describe } from './errors.ts';
import { checkTags, type Scope, scoped } from './keys.ts';
import { resolveLoadTimeout, resolveTtl, type Ttl } from './options.ts';
import type { CollectProgress } from './store/store.ts';

/** Options of one read. */
export interface GetOptions {
  /** Lets this caller go, rejected with the signal's reason; what others wait for goes on. */
  readonly signal?: AbortSignal;
  /** Cap on the lifetime in memory of what the shared layer answers. Default: `memory.ttl` of the cache. */
  readonly memoryTtl?: Duration;
}

/** Options of one `set`. */
export interface SetOptions {
  /** Lifetime of the entry. Default: the cache's or keyspace's. */
  readonly ttl?: Ttl;
  /** Cap on its lifetime in the memory of this instance. Default: `memory.ttl` of the cache. */
  readonly memoryTtl?: Duration;
  /** Names under which it can be invalidated together with others, at most 64. */
  readonly tags?: readonly string[];
  /**
   * The caller's version of the value: a row version, or the time it was changed in milliseconds; whole, 0 or more. Among
   * values set with one, a lower version never replaces a higher one that is stored, and a higher one need not give way
   * to a conflicting lower one.
   */
  readonly version?: number;
}

/** Options of one `getOrSet`. */
export interface GetOrSetOptions<V = unknown> extends GetOptions, Omit<SetOptions, 'ttl' | 'memoryTtl' | 'version'> {
  /** Lifetime of the entry, also computed from the loaded value. Default: the cache's or keyspace's. */
  readonly ttl?: Ttl | ((value: V) => Ttl);
  /** More tags, computed from the loaded value. */
  readonly valueTags?: (value: V) => readonly string[];
  /** How long the loader may take. Default: `loadTimeout` of the cache. */
  readonly loadTimeout?: Duration | 'off';
}

/** One item of `setMany`. */
export interface SetItem<V = unknown> extends SetOptions {
  readonly key: string;
  readonly value: V;
}

/** Options of one `invalidatePattern`. */
export interface PatternOptions {
  /** Whether stored entries are dropped in the background. Default true. */
  readonly collect?: boolean;
  /** Ends the dropping between two batches; the invalidation itself stays. */
  readonly signal?: AbortSignal;
  /** Called after every batch with what was dropped and looked at so far. What it throws is counted and goes no further. */
  readonly onProgress?: (progress: CollectProgress) => void;
}

/** What calls fall back to, already validated. */
export interface CallDefaults extends Lifetime {
  readonly loadTimeoutMs: number | undefined;
}

export const GET_OPTIONS: readonly string[] = ['signal', 'memoryTtl'];
export const SET_OPTIONS: readonly string[] = ['ttl', 'memoryTtl', 'tags', 'version'];
export const GET_OR_SET_OPTIONS: readonly string[] = ['signal', 'ttl', 'memoryTtl', 'tags', 'valueTags', 'loadTimeout'];

const PATTERN_OPTIONS: readonly string[] = ['collect', 'signal', 'onProgress'];

const NO_TAGS: readonly string[] = Object.freeze([]);

/** The options of a read, checked; `plain` is a read without any. */
export function toReadSpec(options: GetOptions | undefined, plain: ReadSpec): ReadSpec {
  if (options === undefined) return plain;
  checkObject(options, 'options', GET_OPTIONS);
  const { signal, memoryTtl } = options;
  return {
    signal: checkSignal(signal),
    memoryTtlMs: memoryTtl === undefined ? undefined : toMs(memoryTtl, 'memoryTtl'),
    stack: plain.stack,
  };
}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalidOption('signal', `must be an AbortSignal, got ${describe(signal)}`);
}

/** The lifetimes that a call's options and the defaults come to. */
export function toLifetime(
  options: { readonly ttl?: Ttl; readonly memoryTtl?: Duration } | undefined,
  defaults: CallDefaults,
): Lifetime {
  if (options?.ttl === undefined && options?.memoryTtl === undefined) return defaults;
  return {
    ttlMs: options?.ttl === undefined ? defaults.ttlMs : resolveTtl(options.ttl, 'ttl'),
    memoryTtlMs: options?.memoryTtl === undefined ? defaults.memoryTtlMs : toMs(options.memoryTtl, 'memoryTtl'),
  };
}

/** What is to become of the stored entries that a pattern covers. */
export function toCollectPlan(options: PatternOptions): CollectPlan {
  checkObject(options, 'options', PATTERN_OPTIONS);
  const { collect = true, signal, onProgress = () => {} } = options;
  if (typeof collect !== 'boolean') throw invalidOption('collect', `must be true or false, got ${describe(collect)}`);
  checkOptionalFunction(onProgress, 'onProgress');
  return { isCollecting: collect, signal: checkSignal(signal), onProgress };
}

/** The version of a `set`, checked. */
export function toVersion(version: number | undefined): number | undefined {
  if (version === undefined) return undefined;
  return wholeNumber(version, undefined, 'version', [0, Number.MAX_SAFE_INTEGER - 1]);
}

/** Tags as the layers below know them. */
export function toTags(scope: Scope, tags: readonly string[] | undefined, limit?: number): readonly string[] {
  if (tags === undefined) return NO_TAGS;
  const checked = checkTags(tags, limit);
  return checked.length === 0 ? NO_TAGS : Object.freeze(checked.map((tag) => scoped(scope, tag)));
}

/** How long a loader may take by a call's options and the defaults; `undefined` means no limit. */
export function toLoadTimeoutMs(timeout: Duration | 'off' | undefined, defaults: CallDefaults): number | undefined {
  return resolveLoadTimeout(timeout, defaults.loadTimeoutMs);
}

/** @throws {CacheError} `INVALID_LOADER` */
export function checkLoader(loader: unknown): void {
  if (typeof loader === 'function') return;
  throw new CacheError('INVALID_LOADER', `the loader must be a function, got ${describe(loader)}`, {
    subject: 'loader',
  });
}

/** Refuses anything but a function or nothing. */
export function checkOptionalFunction(value: unknown, subject: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw invalidOption(subject, `must be a function, got ${describe(value)}`);
}
