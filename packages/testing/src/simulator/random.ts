import type { SeededRandom } from '../random.ts';

/** Puts a seeded generator in the place of `Math.random`, which retries draw their jitter from, for as long as `run` runs. */
export async function withRandom<R>(random: SeededRandom, run: () => Promise<R>): Promise<R> {
  const real = Math.random;
  Math.random = () => random.next();
  try {
    return await run();
  } finally {
    Math.random = real;
  }
}
