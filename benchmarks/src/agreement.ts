import { isDeepStrictEqual } from 'node:util';
import type { Subject } from './subject.ts';
import { userOf } from './values.ts';

/**
 * Fills a subject with the value that belongs under each key, and makes sure that it answers exactly these, whichever way
 * it is asked: figures of subjects that answer different things would compare nothing.
 *
 * @throws {Error} naming subject, way and key
 */
export async function fillAndCheck(subject: Subject, keys: readonly string[]): Promise<void> {
  await fill(subject, keys);
  for (const key of keys) {
    if (subject.get !== undefined) check(subject, 'get', key, await subject.get(key));
    if (subject.getOrSet !== undefined) check(subject, 'getOrSet', key, await subject.getOrSet(key));
    if (isHeld(subject, keys)) check(subject, 'peek', key, subject.peek?.(key));
  }
  const sample = keys.slice(0, 100);
  const many = (await subject.getMany?.(sample)) ?? [];
  for (const [index, value] of many.entries()) check(subject, 'getMany', sample[index] as string, value);
}

/** Stores the value of each key, where the subject has a `set`; else has it loaded. */
export async function fill(subject: Subject, keys: readonly string[]): Promise<void> {
  const store = subject.set ?? subject.getOrSet;
  if (store === undefined) throw new Error(`${subject.name} has no way to be filled`);
  for (let at = 0; at < keys.length; at += 50) {
    await Promise.all(keys.slice(at, at + 50).map((key) => store(key, userOf(key))));
  }
}

/** Memory that is too small for the keys has nothing to be looked at. */
function isHeld(subject: Subject, keys: readonly string[]): boolean {
  return subject.peek?.(keys[0] as string) !== undefined && subject.peek?.(keys.at(-1) as string) !== undefined;
}

function check(subject: Subject, way: string, key: string, value: unknown): void {
  // Compared by content alone: values that came through JSON or were frozen are as good as the originals.
  if (isDeepStrictEqual(value, userOf(key))) return;
  throw new Error(`${subject.name} answers ${way}('${key}') with ${JSON.stringify(value)}`);
}
