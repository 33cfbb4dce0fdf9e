import type { KeySequence } from './key-sequence.ts';

/** One call of a subject; `index` counts on over all rounds. */
export type Operation = (key: string, index: number) => unknown;

/** Does so many operations, the first of them number `from`, and answers when the last is done. */
export type Loop = (operations: number, from: number) => unknown;

/** How calls follow one another: at once without a promise, each awaited, or so many under way together. */
export type Pace = 'sync' | 'awaited' | { readonly atOnce: number };

let loops = 0;

/**
 * A loop around one operation, compiled for it alone. Closures of one function share what the engine learns about it: a
 * loop that had run ten subjects would call the tenth through a megamorphic site and could not inline any of them, which
 * costs as much as some of the calls that are measured here.
 */
export function compileLoop(operation: Operation, keys: KeySequence, pace: Pace): Loop {
  const body =
    pace === 'sync'
      ? `return (operations, from) => {
           let last;
           for (let i = from; i < from + operations; i++) last = operation(keys[i & mask], i);
           return last;
         };`
      : pace === 'awaited'
        ? `return async (operations, from) => {
             let last;
             for (let i = from; i < from + operations; i++) last = await operation(keys[i & mask], i);
             return last;
           };`
        : `return async (operations, from) => {
             let last;
             for (let start = from; start < from + operations; start += atOnce) {
               const calls = [];
               for (let i = start; i < start + atOnce; i++) calls.push(operation(keys[i & mask], i));
               last = await Promise.all(calls);
             }
             return last.at(-1);
           };`;
  const atOnce = typeof pace === 'string' ? 1 : pace.atOnce;
  // The comment makes each text a new one: the engine keeps one function for equal texts.
  const text = `'use strict'; /* loop ${loops++} */ ${body}`;
  const create = new Function('operation', 'keys', 'mask', 'atOnce', text) as (
    operation: Operation,
    keys: KeySequence,
    mask: number,
    atOnce: number,
  ) => Loop;
  return create(operation, keys, keys.length - 1, atOnce);
}
