import { CacheError } from '../errors.ts';

/** What kind of error it is, from a bounded set: a code of ours, or `other`. */
export function errorType(error: unknown): string {
  return CacheError.is(error) ? error.code : 'other';
}
