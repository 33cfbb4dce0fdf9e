import { checkObject, invalidOption, oneOf, wholeNumber } from './checks.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Duration, toMs } from './duration.ts';
import { checkCacheName } from './keys.ts';
import type { PlainLayer } from './store/plain-store.ts';
import type { Remote } from './store/remote.ts';
import { type PlacementOptions, type ResolvedStores, resolveStores } from './store-options.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import { type Codec, resolveCodec } from './wire/codec.ts';

/**
 * How long an entry may be served after it was loaded or set. "For ever" has to be written out together with why that
 * is right; the reason is for whoever reads the code.
 */
export type Ttl = Duration | { readonly forever: string };

/** Bounds of the in-process layer; at least one of `maxEntries` and `maxBytes` is required. */
export type MemoryOptions = {
  /** Cap on an entry's lifetime in memory, independent of its lifetime in the shared layer. Default: the entry's `ttl`. */
  readonly ttl?: Duration;
} & (
  | { /** Most entries held. 1 to 16,777,216. */ readonly maxEntries: number; readonly maxBytes?: number }
  | { readonly maxEntries?: number /** Most bytes held, estimated. At least 1,024. */; readonly maxBytes: number }
);

export interface CoherenceOptions {
  /**
   * Δ, the promise: nothing older is ever served, whatever breaks. Smaller costs more tails (one per Δ/3 and instance)
   * and ends the use of memory sooner when Redis is away. Default `'2s'`, range 100 ms to 10 min.
   */
  readonly lease?: Duration;
  /** Events the log keeps for instances that fell behind; past it they start over with an empty memory. Default 10,000. */
  readonly logEvents?: number;
  /** Versions of tags and prefixes kept on either side before the oldest are folded together. Default 8,192. */
  readonly maxVersions?: number;
  /** Own invalidations that may wait for a coordinator that is away; past it they become one `clear`. Default 10,000. */
  readonly maxJournal?: number;
}

/**
 * How values in memory are kept from being changed by their readers.
 *
 * - `freeze`: frozen deeply when they enter; what cannot be frozen (`Map`, `Set`, `Date`, typed arrays) is copied on read.
 * - `copy`: copied when they enter and on every read.
 * - `share`: as they are; whoever changes one changes it for everybody.
 */
export type Isolation = 'freeze' | 'copy' | 'share';

export interface CacheOptions extends PlacementOptions {
  /** Name of the cache, first part of every key in the shared layer. Caches of one name and one Redis are one cache. */
  readonly name: string;
  /** Default lifetime of an entry. */
  readonly ttl: Ttl;
  readonly memory: MemoryOptions;
  /** The shared layer. Default: `inProcess()`, one of its own. */
  readonly remote?: Remote;
  /**
   * Several shared layers by name, instead of `remote`: one coherence authority such as `redis()`, and layers without
   * scripts such as `memcached()`.
   */
  readonly stores?: Readonly<Record<string, Remote | PlainLayer>>;
  readonly coherence?: CoherenceOptions;
  /** How values become bytes for the shared layer. Default `'msgpack'`. */
  readonly codec?: 'msgpack' | 'json' | Codec;
  /** Default `'freeze'`. */
  readonly isolation?: Isolation;
  /** Largest encoded value that is sent to the shared layer. Default 1,048,576. */
  readonly maxValueBytes?: number;
  /**
   * What a larger value does: `'event'` keeps it in memory only and emits `oversize`; `'throw'` rejects the call with
   * `VALUE_TOO_LARGE`. Default `'event'`.
   */
  readonly onOversize?: 'event' | 'throw';
  /**
   * What an invalidation does that the coordinator did not confirm: `'resolve'` answers `{ delivered: false }`,
   * `'throw'` rejects with `NOT_DELIVERED`. It is journaled and delivered at reconnect either way. Default `'resolve'`.
   */
  readonly onUndelivered?: 'resolve' | 'throw';
  /** How long a loader may take before its waiters are rejected with `LOAD_TIMEOUT`. Default `'30s'`. */
  readonly loadTimeout?: Duration | 'off';
  /**
   * Most loaders running at a time; more wait for their turn within their `loadTimeout`. When none has ended for a second,
   * as many again are let in, since a loader may wait for loads of its own. Default 1,000, 1 to 1,000,000.
   */
  readonly maxLoads?: number;
  /**
   * Where spans and figures go, for example `openTelemetry()` of `@tierwise/otel`. Default: what instruments the whole
   * process, if anything does.
   */
  readonly telemetry?: Telemetry;
  /** Told of changes of state, never of single reads; takes a pino logger as it is. Default: silent. */
  readonly logger?: Logger;
  /** Source of time, for tests. Default: the system's. */
  readonly clock?: Clock;
}

/** What every option comes to when it is left out; `docs/reference/options.md` is held to this table by a test. */
export const DEFAULTS = {
  leaseMs: 2_000,
  logEvents: 10_000,
  maxVersions: 8_192,
  maxJournal: 10_000,
  codec: 'msgpack',
  isolation: 'freeze',
  maxValueBytes: 1_048_576,
  onOversize: 'event',
  onUndelivered: 'resolve',
  loadTimeoutMs: 30_000,
  maxLoads: 1_000,
} as const;

/** Limits of the options that are numbers, ends included. */
export const RANGES = {
  maxEntries: [1, 2 ** 24],
  maxBytes: [1_024, 2 ** 40],
  leaseMs: [100, 600_000],
  logEvents: [100, 1_000_000],
  maxVersions: [16, 1_000_000],
  maxJournal: [16, 1_000_000],
  maxLoads: [1, 1_000_000],
  maxValueBytes: [64, 512 * 1024 * 1024],
} as const satisfies Record<string, readonly [number, number]>;

/** Options after validation, with every default in place and every unit in the name. Frozen. */
export interface ResolvedOptions extends ResolvedStores {
  readonly name: string;
  /** `undefined` means for ever. */
  readonly ttlMs: number | undefined;
  readonly memory: {
    readonly maxEntries: number | undefined;
    readonly maxBytes: number | undefined;
    readonly ttlMs: number | undefined;
  };
  readonly leaseMs: number;
  readonly logEvents: number;
  readonly maxVersions: number;
  readonly maxJournal: number;
  readonly codec: Codec;
  readonly isolation: Isolation;
  readonly maxValueBytes: number;
  readonly onOversize: 'event' | 'throw';
  readonly onUndelivered: 'resolve' | 'throw';
  /** `undefined` means no limit. */
  readonly loadTimeoutMs: number | undefined;
  readonly maxLoads: number;
  /** `undefined` means that of the process. */
  readonly telemetry: Telemetry | undefined;
  readonly logger: Logger | undefined;
  readonly clock: Clock;
}

/**
 * Validates and completes the options of a cache.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION` or `INVALID_NAME`
 */
export function resolveOptions(options: CacheOptions): ResolvedOptions {
  checkObject(options, 'options', [
    'name',
    'ttl',
    'memory',
    'remote',
    'stores',
    'store',
    'layers',
    'coherence',
    'codec',
    'isolation',
    'maxValueBytes',
    'onOversize',
    'onUndelivered',
    'loadTimeout',
    'maxLoads',
    'telemetry',
    'logger',
    'clock',
  ]);
  const name = checkCacheName(options.name);
  if (options.ttl === undefined) {
    throw invalidOption('ttl', "is required: a duration like '5m', or { forever: 'the reason' }");
  }
  return Object.freeze({
    name,
    ttlMs: resolveTtl(options.ttl, 'ttl'),
    memory: resolveMemory(options.memory),
    ...resolveStores(options),
    ...resolveCoherence(options.coherence ?? {}),
    codec: resolveCodec(options.codec),
    isolation: oneOf(options.isolation, ['freeze', 'copy', 'share'], DEFAULTS.isolation, 'isolation'),
    maxValueBytes: wholeNumber(options.maxValueBytes, DEFAULTS.maxValueBytes, 'maxValueBytes', RANGES.maxValueBytes),
    onOversize: oneOf(options.onOversize, ['event', 'throw'], DEFAULTS.onOversize, 'onOversize'),
    onUndelivered: oneOf(options.onUndelivered, ['resolve', 'throw'], DEFAULTS.onUndelivered, 'onUndelivered'),
    loadTimeoutMs: resolveLoadTimeout(options.loadTimeout, DEFAULTS.loadTimeoutMs),
    maxLoads: wholeNumber(options.maxLoads, DEFAULTS.maxLoads, 'maxLoads', RANGES.maxLoads),
    telemetry: checkMethods(options.telemetry, 'telemetry', ['isRecording', 'begin', 'measure', 'attach']),
    logger: checkMethods(options.logger, 'logger', ['debug', 'info', 'warn', 'error']),
    clock: checkClock(options.clock ?? systemClock),
  });
}

/** Milliseconds of a TTL, `undefined` for ever. */
export function resolveTtl(ttl: Ttl, subject: string): number | undefined {
  if (typeof ttl !== 'object' || ttl === null) return toMs(ttl, subject);
  checkObject(ttl, subject, ['forever']);
  if (typeof ttl.forever !== 'string' || ttl.forever.trim() === '') {
    throw invalidOption(subject, "must say why it is for ever: { forever: 'the reason' }");
  }
  return undefined;
}

/** Milliseconds of a load timeout, `undefined` for none. */
export function resolveLoadTimeout(
  timeout: Duration | 'off' | undefined,
  fallback: number | undefined,
): number | undefined {
  if (timeout === undefined) return fallback;
  return timeout === 'off' ? undefined : toMs(timeout, 'loadTimeout');
}

function resolveMemory(memory: MemoryOptions): ResolvedOptions['memory'] {
  checkObject(memory, 'memory', ['maxEntries', 'maxBytes', 'ttl']);
  if (memory.maxEntries === undefined && memory.maxBytes === undefined) {
    throw invalidOption('memory', 'must be bounded by maxEntries, maxBytes or both');
  }
  return Object.freeze({
    maxEntries: wholeNumber(memory.maxEntries, undefined, 'memory.maxEntries', RANGES.maxEntries),
    maxBytes: wholeNumber(memory.maxBytes, undefined, 'memory.maxBytes', RANGES.maxBytes),
    ttlMs: memory.ttl === undefined ? undefined : toMs(memory.ttl, 'memory.ttl'),
  });
}

function resolveCoherence(
  coherence: CoherenceOptions,
): Pick<ResolvedOptions, 'leaseMs' | 'logEvents' | 'maxVersions' | 'maxJournal'> {
  checkObject(coherence, 'coherence', ['lease', 'logEvents', 'maxVersions', 'maxJournal']);
  const leaseMs = coherence.lease === undefined ? DEFAULTS.leaseMs : toMs(coherence.lease, 'coherence.lease');
  wholeNumber(leaseMs, undefined, 'coherence.lease', RANGES.leaseMs);
  return {
    leaseMs,
    logEvents: wholeNumber(coherence.logEvents, DEFAULTS.logEvents, 'coherence.logEvents', RANGES.logEvents),
    maxVersions: wholeNumber(coherence.maxVersions, DEFAULTS.maxVersions, 'coherence.maxVersions', RANGES.maxVersions),
    maxJournal: wholeNumber(coherence.maxJournal, DEFAULTS.maxJournal, 'coherence.maxJournal', RANGES.maxJournal),
  };
}

/** An object of the user's that has to have certain methods, if it is given. */
function checkMethods<T extends object>(
  given: T | undefined,
  subject: string,
  names: readonly (keyof T & string)[],
): T | undefined {
  if (given === undefined) return undefined;
  if (typeof given === 'object' && given !== null && names.every((name) => typeof given[name] === 'function')) {
    return given;
  }
  throw invalidOption(subject, `must have the functions ${names.join(', ')}`);
}

function checkClock(clock: Clock): Clock {
  const members = ['wallMs', 'monotonicMs', 'after', 'endOfTick'] as const;
  if (typeof clock === 'object' && clock !== null && members.every((name) => typeof clock[name] === 'function')) {
    return clock;
  }
  throw invalidOption('clock', `must have the functions ${members.join(', ')}`);
}
