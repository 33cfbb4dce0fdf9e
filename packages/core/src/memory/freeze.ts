import { isPlainPrototype } from '../wire/kinds.ts';

/**
 * Freezes plain objects and arrays through and through, in place. Answers whether the whole value can no longer change;
 * if not, nothing of it was frozen.
 *
 * What `Object.freeze` cannot hold still makes it `false`: `Map`, `Set`, `Date`, `RegExp`, errors, binary data,
 * functions and class instances, whose methods may count on writing to them. Already frozen parts are looked through as
 * well, since whoever froze them may have stopped there. An accessor counts as what it returns; properties on arrays
 * beside the items are not looked at. Never throws.
 */
export function deepFreeze(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (!isObject(value)) return true;
  try {
    // A set hands out what is added while it is iterated: the walk needs no stack and ends on cycles.
    const found = new Set<object>([value]);
    for (const object of found) if (!gather(object, found)) return false;
    for (const object of found) Object.freeze(object);
    return true;
  } catch {
    return false;
  }
}

/** Adds the objects that one object holds; false when it or one of its members cannot be frozen. */
function gather(object: object, found: Set<object>): boolean {
  if (Array.isArray(object)) {
    if (object.constructor !== Array) return false;
    for (const item of object) if (!admit(item, found)) return false;
    return true;
  }
  if (!isPlainPrototype(Object.getPrototypeOf(object))) return false;
  const members = object as Record<string | symbol, unknown>;
  for (const key of Reflect.ownKeys(members)) if (!admit(members[key], found)) return false;
  return true;
}

function admit(member: unknown, found: Set<object>): boolean {
  if (isObject(member)) found.add(member);
  return typeof member !== 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
