import { CacheError } from '../errors.ts';
import type { EngineContext } from './context.ts';

/** What became of an invalidation. */
export interface InvalidationResult {
  /**
   * Whether the shared layer has given it its place in the sequence: from then on no instance serves anything older for
   * longer than Δ. False while the shared layer is away; it is journaled then and delivered at reconnect.
   */
  readonly delivered: boolean;
}

/** What became of a `set`. */
export interface SetResult extends InvalidationResult {
  /**
   * Whether the value is in the shared layer. False when it conflicted with another write, was too large, or the shared
   * layer was away: the key is invalidated instead.
   */
  readonly stored: boolean;
  /** Whether what is stored has a higher version and stays. */
  readonly outdated: boolean;
}

/** What became of the invalidation of a pattern. */
export interface PatternResult extends InvalidationResult {
  /**
   * Resolves with the number of stored entries dropped when all have been looked at; rejects when it was cancelled or the
   * shared layer went away. Need not be awaited: the entries are void already and would expire by themselves.
   */
  readonly collected: Promise<number>;
}

/**
 * The result of a call that is journaled.
 *
 * @throws {CacheError} `NOT_DELIVERED` where `onUndelivered` asks for it
 */
export function undelivered({ options }: EngineContext, cause: unknown): InvalidationResult {
  if (options.onUndelivered !== 'throw') return { delivered: false };
  const message = 'the shared layer did not confirm the invalidation; it is journaled';
  throw new CacheError('NOT_DELIVERED', message, {}, { cause });
}
