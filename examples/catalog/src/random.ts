/** A repeatable source of numbers in [0, 1). */
export type Random = () => number;

/** Mulberry32: 32 bits of state, good enough to generate a shop and a workload, and the same on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `from` to `to`, both included. */
export function integer(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

/** One of `items`, each as likely as the others. */
export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/**
 * Draws ranks 1 to `count` by Zipf's law: rank r is drawn in proportion to 1 / r^`exponent`, as the pages of a shop are.
 */
export function createZipf(random: Random, count: number, exponent: number): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 1; rank <= count; rank += 1) {
    sum += rank ** -exponent;
    upTo[rank - 1] = sum;
  }
  return () => {
    const target = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((upTo[middle] as number) <= target) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}
