import { isBinaryPrototype, isCopyable } from './kinds.ts';
import { Seen } from './seen.ts';
import { MAX_DEPTH } from './value-path.ts';

/** Most members an object has in the format msgpackr writes without counting them first. */
export const MAX_PLAIN_MEMBERS = 0xffff;

/**
 * Whether MessagePack as msgpackr writes it brings the whole value back the same: primitives except -0 and ill-formed
 * strings, plain objects, arrays without holes, `Date` and binary data, no object twice.
 *
 * It walks every value that is written, so it only answers: what to do with the rest, and where in the value a refused
 * part stands, is found out by the slower walk in `lower.ts`.
 */
export function isPlain(value: unknown): boolean {
  try {
    return isPlainAt(value, new Seen(), 0);
  } catch {
    // A getter threw; `lower.ts` meets it again and knows where.
    return false;
  }
}

function isPlainAt(value: unknown, seen: Seen, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed();
    case 'number':
      return value !== 0 || Object.is(value, 0);
    case 'boolean':
    case 'undefined':
    case 'bigint':
      return true;
    case 'object':
      return value === null || isPlainObject(value, seen, depth);
    default:
      return false;
  }
}

function isPlainObject(value: object, seen: Seen, depth: number): boolean {
  if (depth >= MAX_DEPTH || seen.meets(value)) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return areMembersPlain(value as Record<string, unknown>, seen, depth);
  }
  if (prototype === Array.prototype) return areItemsPlain(value as unknown[], seen, depth);
  if (prototype === Date.prototype) return Reflect.ownKeys(value).length === 0;
  return isBinaryPrototype(prototype) && isCopyable(value);
}

function areMembersPlain(object: Record<string, unknown>, seen: Seen, depth: number): boolean {
  if (Object.getOwnPropertySymbols(object).length !== 0) return false;
  let members = 0;
  for (const key in object) {
    if (key === '__proto__' || !key.isWellFormed() || !isPlainAt(object[key], seen, depth + 1)) return false;
    members++;
  }
  return members <= MAX_PLAIN_MEMBERS;
}

function areItemsPlain(array: readonly unknown[], seen: Seen, depth: number): boolean {
  for (let index = 0; index < array.length; index++) {
    const item = array[index];
    if (item === undefined && !(index in array)) return false;
    if (!isPlainAt(item, seen, depth + 1)) return false;
  }
  return true;
}
