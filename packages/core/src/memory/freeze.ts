import { isPlainPrototype } from '../wire/kinds.ts';

/**
 * Freezes plain objects and arrays through and through, in place. Answers whether the whole value can no longer change;
 * if not, nothing of it was frozen.
 *
 * What `Object.freeze` cannot hold still makes it `false`: `Map`, `Set`, `Date`, `RegExp`, errors, binary data,
 * functions and class instances, whose methods may count on writing to them. Already frozen parts are looked through as
 * well, since whoever froze them may have stopped there. An accessor may return something else every time, frozen or not,
 * and makes it `false` too. Properties on arrays beside the items are not looked at. Never throws.
 */
export function deepFreeze(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (!isObject(value)) return true;
  try {
    const tree: object[] = [];
    visitsLeft = MAX_VISITS;
    if (gatherTree(value, tree, 0)) {
      for (const object of tree) Object.freeze(object);
      return true;
    }
    // A set hands out what is added while it is iterated: the walk needs no stack and ends on cycles.
    const found = new Set<object>([value]);
    for (const object of found) if (!gather(object, found)) return false;
    for (const object of found) Object.freeze(object);
    return true;
  } catch {
    return false;
  }
}

/**
 * Members, and levels of objects, that are visited without a note of which before a value is left to the other walk. A
 * number counts as much as an object: a part that is shared costs all its members each time it is met.
 */
const MAX_VISITS = 100_000;
const MAX_LEVELS = 100;

let visitsLeft = 0;

/**
 * Freezes a value that a codec of tierwise decoded just now: nobody holds it yet, and it has no accessors. Answers as
 * {@link deepFreeze}, several times as fast on the trees that most values are; where it answers false, parts may be
 * frozen.
 */
export function freezeFresh(value: unknown): boolean {
  if (!isObject(value)) return typeof value !== 'function';
  visitsLeft = MAX_VISITS;
  return freezeTree(value, 0) || (visitsLeft <= 0 && deepFreeze(value));
}

/** Keeps no note of what it has visited: a cycle, or many parts that are shared, use the visits up. */
function freezeTree(value: object, level: number): boolean {
  if (level === MAX_LEVELS) visitsLeft = 0;
  if (visitsLeft <= 0) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) {
    for (const item of value as readonly unknown[]) if (!freezeMember(item, level)) return false;
  } else if (isPlainPrototype(prototype)) {
    const members = value as Readonly<Record<string, unknown>>;
    for (const key in members) if (!freezeMember(members[key], level)) return false;
  } else {
    return false;
  }
  Object.freeze(value);
  return true;
}

function freezeMember(member: unknown, level: number): boolean {
  visitsLeft--;
  return isObject(member) ? freezeTree(member, level + 1) : typeof member !== 'function';
}

type AccessorLookup = (this: object, name: string) => unknown;

const { __lookupGetter__: getterOf, __lookupSetter__: setterOf } = Object.prototype as unknown as {
  readonly __lookupGetter__: AccessorLookup;
  readonly __lookupSetter__: AccessorLookup;
};

/**
 * Adds an object and all that it holds. True is certain; false where something cannot be frozen, and where the other walk
 * has to tell. Most values are small trees, for which a set of what was met and symbols among the keys cost most of it.
 */
function gatherTree(object: object, tree: object[], level: number): boolean {
  if (level === MAX_LEVELS || visitsLeft <= 0) return false;
  tree.push(object);
  if (Array.isArray(object)) {
    if (object.constructor !== Array) return false;
    for (const item of object) if (!gatherMember(item, tree, level)) return false;
    return true;
  }
  if (!isPlainPrototype(Object.getPrototypeOf(object))) return false;
  if (Object.getOwnPropertySymbols(object).length !== 0) return false;
  for (const name of Object.getOwnPropertyNames(object)) {
    // Asks for an accessor without making the descriptor, an object for each member.
    if (getterOf.call(object, name) !== undefined) return false;
    const member = (object as Readonly<Record<string, unknown>>)[name];
    if (member === undefined && setterOf.call(object, name) !== undefined) return false;
    if (!gatherMember(member, tree, level)) return false;
  }
  return true;
}

function gatherMember(member: unknown, tree: object[], level: number): boolean {
  visitsLeft--;
  return isObject(member) ? gatherTree(member, tree, level + 1) : typeof member !== 'function';
}

/** Adds the objects that one object holds; false when it or one of its members cannot be frozen. */
function gather(object: object, found: Set<object>): boolean {
  if (Array.isArray(object)) {
    if (object.constructor !== Array) return false;
    for (const item of object) if (!admit(item, found)) return false;
    return true;
  }
  if (!isPlainPrototype(Object.getPrototypeOf(object))) return false;
  for (const key of Reflect.ownKeys(object)) {
    const member = Object.getOwnPropertyDescriptor(object, key);
    if (member === undefined || !('value' in member) || !admit(member.value, found)) return false;
  }
  return true;
}

function admit(member: unknown, found: Set<object>): boolean {
  if (isObject(member)) found.add(member);
  return typeof member !== 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
