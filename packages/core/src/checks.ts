import { CacheError, describe } from './errors.ts';

/** Refuses anything but an object with no other members than `allowed`. */
export function checkObject(value: unknown, subject: string, allowed: readonly string[]): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidOption(subject, `must be an object, got ${describe(value)}`);
  }
  for (const name of Object.keys(value)) {
    if (!allowed.includes(name))
      throw invalidOption(subject, `has no option '${name}'; there are: ${allowed.join(', ')}`);
  }
}

/** What `call` makes of each item of a list of the user's. Holes, which `map` would pass over, are items that are `undefined`. */
export function mapItems<T, R>(list: readonly T[], subject: string, call: (item: T) => R): R[] {
  if (!Array.isArray(list)) throw invalidOption(subject, `must be an array, got ${describe(list)}`);
  const results: R[] = [];
  for (let i = 0; i < list.length; i++) results.push(call(list[i] as T));
  return results;
}

/** A whole number within a range, or the fallback when it is left out. */
export function wholeNumber<F extends number | undefined>(
  value: number | undefined,
  fallback: F,
  subject: string,
  [min, max]: readonly [number, number],
): number | F {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(subject, `must be a whole number from ${min} to ${max}, got ${describe(value)}`);
}

/** One of a few words, or the fallback when it is left out. */
export function oneOf<W extends string>(value: W | undefined, words: readonly W[], fallback: W, subject: string): W {
  if (value === undefined) return fallback;
  if (words.includes(value)) return value;
  throw invalidOption(subject, `must be one of '${words.join("', '")}'`);
}

/** The error of an option that breaks a rule; the rule follows the option's name in the message. */
export function invalidOption(subject: string, rule: string): CacheError {
  return new CacheError('INVALID_OPTIONS', `${subject} ${rule}`, { subject });
}
