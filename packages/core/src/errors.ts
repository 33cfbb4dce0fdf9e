import { isDeepStrictEqual } from 'node:util';

/**
 * Every reason tierwise throws or rejects for. Codes are append-only: one is never renamed or given another meaning.
 *
 * - `INVALID_OPTIONS`: an option is unknown, missing, of the wrong type, out of range, or contradicts another one.
 * - `INVALID_DURATION`: a duration is 0, negative, not finite, over the maximum, or does not parse.
 * - `INVALID_KEY`: a key is not a string, empty, over the length limit, or not well-formed Unicode.
 * - `INVALID_TAG`: the same for a tag, or more tags on one entry than the limit.
 * - `INVALID_NAME`: a cache or namespace name has characters outside its alphabet or the wrong length.
 * - `INVALID_PARAMETER`: a keyspace placeholder was given no value, an unknown name, or a value it cannot print.
 * - `INVALID_LOADER`: what should load a value is not a function.
 * - `UNDEFINED_VALUE`: `undefined` was to be stored; it means "not cached".
 * - `UNSERIALIZABLE_VALUE`: the value holds something that its codec refuses; `path` says where.
 * - `VALUE_TOO_LARGE`: the encoded value is over `maxValueBytes` and `onOversize` is `'throw'`.
 * - `CACHE_CLOSED`: the cache was closed before the call.
 * - `LOAD_TIMEOUT`: the loader did not settle within `loadTimeout`.
 * - `NOT_DELIVERED`: the coordinator did not confirm an invalidation and `onUndelivered` is `'throw'`; it is journaled.
 * - `REMOTE_UNAVAILABLE`: the shared layer is not connected, or its connection broke during the command.
 * - `REMOTE_TIMEOUT`: the shared layer did not answer within `commandTimeout`.
 * - `REMOTE_REJECTED`: the shared layer answered with an error of its own, kept in `cause`.
 * - `FENCE_UNAVAILABLE`: a fence could not be closed, so the guarded write was not begun.
 * - `FENCE_LOST`: a fence could not be renewed while the guarded write ran; the reason its `signal` fires with.
 * - `CONFIG_CONFLICT`: a live instance of the same cache runs with another `coherence.lease` or another number of partitions,
 *   or the shared state is of another format.
 * - `UNSUPPORTED_RUNTIME`: the Node that runs this is older than tierwise can run on.
 * - `INTERNAL`: an invariant of tierwise itself is broken; please report it.
 */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** All codes, in the order of {@link ErrorCode}; `docs/reference/errors.md` is held to this list by a test. */
export const ERROR_CODES = [
  'INVALID_OPTIONS',
  'INVALID_DURATION',
  'INVALID_KEY',
  'INVALID_TAG',
  'INVALID_NAME',
  'INVALID_PARAMETER',
  'INVALID_LOADER',
  'UNDEFINED_VALUE',
  'UNSERIALIZABLE_VALUE',
  'VALUE_TOO_LARGE',
  'CACHE_CLOSED',
  'LOAD_TIMEOUT',
  'NOT_DELIVERED',
  'REMOTE_UNAVAILABLE',
  'REMOTE_TIMEOUT',
  'REMOTE_REJECTED',
  'FENCE_UNAVAILABLE',
  'FENCE_LOST',
  'CONFIG_CONFLICT',
  'UNSUPPORTED_RUNTIME',
  'INTERNAL',
] as const;

/** Facts about an error that are safe to log: never a key, never a value. */
export interface ErrorFacts {
  /** The option, parameter or limit the error is about. */
  readonly subject?: string;
  /** Where inside a value the fault lies, for example `$.items[3].onClick`. */
  readonly path?: string;
  /** The limit that was passed, in the unit `subject` names. */
  readonly limit?: number;
  /** What was measured against `limit`. */
  readonly actual?: number;
  /** Positions of the items that the error is about, in a call that takes several. */
  readonly items?: readonly number[];
  /** Name in the options of the store that the fault is of. */
  readonly store?: string;
  /** The server that the fault is of, as `host:port` or the path of its socket, where that is known. */
  readonly server?: string;
}

const BRAND = Symbol.for('tierwise.CacheError');

/** The one error class of tierwise. Its message never holds a key or a value; what is known stands in fields. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  /** @internal */
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.facts = facts;
  }

  /** Whether `value` is a `CacheError` of this or any other copy of the package. */
  static is(value: unknown): value is CacheError {
    return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
  }
}

/** What errors were last copied into. One failure of the shared layer is told for every call that it fails. */
const copies = new WeakMap<CacheError, CacheError>();

/** The same error with further facts. What it holds already stays; for the same facts it is the same copy. */
export function withFacts(error: CacheError, facts: ErrorFacts): CacheError {
  const all = { ...facts, ...error.facts };
  for (const known of [error, copies.get(error)]) {
    if (known !== undefined && isDeepStrictEqual(known.facts, all)) return known;
  }
  const { code, message, stack } = error;
  const options = 'cause' in error ? { cause: error.cause } : undefined;
  const copy = new CacheError(code, message, all, options);
  if (stack !== undefined) copy.stack = stack;
  copies.set(error, copy);
  return copy;
}

/**
 * Ends the call when an invariant of tierwise does not hold.
 *
 * @throws {CacheError} `INTERNAL`
 */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new CacheError('INTERNAL', `broken invariant: ${rule}`);
}

/** A short, safe description of a received value for error messages: its type, and numbers as they are. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'undefined') return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}
