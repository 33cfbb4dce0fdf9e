import type { SeededRandom } from '@tierwise/testing';

/** Keys in the order they are asked for; a power of two of them, so that a loop finds its next one with a mask. */
export type KeySequence = readonly string[];

const LENGTH = 2 ** 13;

/** Every key as likely as the others. */
export function uniform(keys: readonly string[], random: SeededRandom): KeySequence {
  return Array.from({ length: LENGTH }, () => random.pick(keys));
}

/** Rank r in proportion to 1 / r^`exponent`, as pages and users are asked for; the first key is the most popular. */
export function zipf(keys: readonly string[], random: SeededRandom, exponent = 1): KeySequence {
  const draw = createZipf(keys.length, random, exponent);
  return Array.from({ length: LENGTH }, () => keys[draw()] as string);
}

/** Draws ranks from 0 by Zipf's law. */
export function createZipf(count: number, random: SeededRandom, exponent = 1): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent;
    upTo[rank] = sum;
  }
  return () => {
    const target = random.next() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] as number) < target) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Every key in turn, repeated until the sequence is full: for writes, which must not meet themselves in one batch. */
export function inTurn(keys: readonly string[]): KeySequence {
  return Array.from({ length: LENGTH }, (_, index) => keys[index % keys.length] as string);
}
