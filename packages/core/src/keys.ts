import { CacheError, describe } from './errors.ts';

/**
 * How names become one flat, injective space of keys.
 *
 * A *scoped key* is what every layer below the public face uses. A root key is its own scoped key; a key of namespace
 * `eu/7` is `\0eu/7:` followed by the key; a root key that itself begins with NUL gets the empty scope `\0:` in front.
 * The first `:` ends the scope and scopes cannot hold one, so no key a user can pass reaches another namespace.
 * Tags are scoped the same way.
 */

/** Longest key, tag or prefix accepted, in UTF-16 code units, scope not counted. */
export const MAX_KEY_LENGTH = 1024;
/** Most tags on one entry. */
export const MAX_TAGS = 64;
/** Most tags in one invalidation. */
export const MAX_INVALIDATED_TAGS = 500;

const NUL = 0;
const CACHE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Namespaces carry ids from outside (tenants), so they may hold more than a cache's name: no `:`, `/`, blank or control. */
const NAMESPACE = /^[A-Za-z0-9._@+=~-]{1,128}$/;

/** Checks a cache name: 1 to 64 of `A-Z a-z 0-9 . _ -`, the first a letter or digit. */
export function checkCacheName(name: unknown): string {
  if (typeof name === 'string' && CACHE_NAME.test(name)) return name;
  throw new CacheError(
    'INVALID_NAME',
    "name must be 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit",
    {
      subject: 'name',
    },
  );
}

/** Checks one namespace segment: 1 to 128 of `A-Z a-z 0-9 . _ @ + = ~ -`. */
export function checkNamespace(name: unknown): string {
  if (typeof name === 'string' && NAMESPACE.test(name)) return name;
  throw new CacheError(
    'INVALID_NAME',
    "a namespace must be 1 to 128 letters, digits or '.', '_', '@', '+', '=', '~', '-'",
    {
      subject: 'namespace',
    },
  );
}

/**
 * Checks what must hold of a key before anything is looked up: a string of 1 to {@link MAX_KEY_LENGTH} characters. Cheap
 * enough for the hot path; `checkWellFormed` is the rest, for keys that memory does not hold.
 */
export function checkKeyShape(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key.length === 0 || key.length > MAX_KEY_LENGTH) checkText(key, 'INVALID_KEY', 'key');
}

/** Refuses lone surrogates: two different ones become the same UTF-8 replacement character, and two keys would meet. */
export function checkWellFormed(key: string): void {
  if (!key.isWellFormed()) throw new CacheError('INVALID_KEY', 'a key must be well-formed Unicode', { subject: 'key' });
}

/** Checks a key in full. */
export function checkKey(key: unknown): asserts key is string {
  checkText(key, 'INVALID_KEY', 'key');
}

/** Checks a prefix: a key that ends with `:`, so that it names whole segments. */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  checkText(prefix, 'INVALID_KEY', 'prefix');
  if (!prefix.endsWith(':')) {
    throw new CacheError('INVALID_KEY', "a prefix must end with ':', so that it covers whole segments", {
      subject: 'prefix',
    });
  }
}

/** Checks a tag by the rules of a key. */
export function checkTag(tag: unknown): asserts tag is string {
  checkText(tag, 'INVALID_TAG', 'tag');
}

/** Checks tags, at most `limit` different ones, and drops repetitions; the result is frozen and shared by all layers. */
export function checkTags(tags: unknown, limit: number = MAX_TAGS): readonly string[] {
  if (!Array.isArray(tags)) {
    throw new CacheError('INVALID_TAG', `tags must be an array of strings, got ${describe(tags)}`, { subject: 'tags' });
  }
  for (const tag of tags) checkTag(tag);
  const distinct = Object.freeze([...new Set(tags as string[])]);
  if (distinct.length > limit) {
    throw new CacheError('INVALID_TAG', `there can be at most ${limit} tags`, {
      subject: 'tags',
      limit,
      actual: distinct.length,
    });
  }
  return distinct;
}

function checkText(text: unknown, code: 'INVALID_KEY' | 'INVALID_TAG', subject: string): asserts text is string {
  if (typeof text !== 'string') {
    throw new CacheError(code, `a ${subject} must be a string, got ${describe(text)}`, { subject });
  }
  if (text.length === 0) throw new CacheError(code, `a ${subject} cannot be empty`, { subject });
  if (text.length > MAX_KEY_LENGTH) {
    throw new CacheError(code, `a ${subject} can have at most ${MAX_KEY_LENGTH} characters`, {
      subject,
      limit: MAX_KEY_LENGTH,
      actual: text.length,
    });
  }
  if (!text.isWellFormed()) throw new CacheError(code, `a ${subject} must be well-formed Unicode`, { subject });
}

/** Where a cache or one of its namespaces stands in the flat key space; `''` is the root. */
export type Scope = string;

/** The scope of a namespace below `parent`. */
export function childScope(parent: Scope, namespace: string): Scope {
  return parent === '' ? `\0${checkNamespace(namespace)}:` : `${parent.slice(0, -1)}/${checkNamespace(namespace)}:`;
}

/** The scoped form of a key or tag. */
export function scoped(scope: Scope, text: string): string {
  if (scope !== '') return scope + text;
  return text.charCodeAt(0) === NUL ? `\0:${text}` : text;
}

/** The prefixes that together cover a namespace and all namespaces below it. */
export function scopePrefixes(scope: Scope): readonly string[] {
  return [scope, `${scope.slice(0, -1)}/`];
}

/** Splits a scoped key into its namespace path (`''` for the root, `'eu/7'`) and the key as the user passed it. */
export function unscoped(key: string): { path: string; key: string } {
  if (key.charCodeAt(0) !== NUL) return { path: '', key };
  const end = key.indexOf(':');
  return { path: key.slice(1, end), key: key.slice(end + 1) };
}

/**
 * Calls `visit` with every prefix that an invalidation may have named and that covers `key`: up to and including each
 * `:`, and each `/` inside the scope. Stops when `visit` answers true.
 */
export function somePrefix(key: string, visit: (prefix: string) => boolean): boolean {
  if (key.charCodeAt(0) === NUL) {
    const end = key.indexOf(':');
    for (let at = key.indexOf('/'); at !== -1 && at < end; at = key.indexOf('/', at + 1)) {
      if (visit(key.slice(0, at + 1))) return true;
    }
  }
  for (let at = key.indexOf(':'); at !== -1; at = key.indexOf(':', at + 1)) {
    if (visit(key.slice(0, at + 1))) return true;
  }
  return false;
}
