import type { ObservedCache } from 'tierwise/telemetry';
import { addUp, countsOf, type Sample, statesOf } from './samples.ts';

/**
 * The caches that figures are read from. Caches of one name are one series: counts add up, also those of caches that were
 * closed, since a count that sank would read as a restart.
 */
export class Observed {
  readonly #caches = new Set<ObservedCache>();
  /** Counts of caches that were taken out. */
  #ended: readonly Sample[] = [];
  /** What each of them has in it. */
  readonly #endedOf = new WeakMap<ObservedCache, readonly Sample[]>();

  add(cache: ObservedCache): () => void {
    if (!this.#caches.has(cache)) this.#takeBack(cache);
    this.#caches.add(cache);
    return () => {
      if (!this.#caches.delete(cache)) return;
      const counts = countsOf(cache);
      this.#ended = addUp([...this.#ended, ...counts]);
      this.#endedOf.set(cache, counts);
    };
  }

  /** All figures as of now, one a series. */
  read(): readonly Sample[] {
    const samples = [...this.#ended];
    for (const cache of this.#caches) samples.push(...countsOf(cache), ...statesOf(cache));
    return addUp(samples);
  }

  /** One that comes back brings all its counts along. */
  #takeBack(cache: ObservedCache): void {
    const counts = this.#endedOf.get(cache) ?? [];
    this.#ended = addUp([...this.#ended, ...counts.map((sample) => ({ ...sample, value: -sample.value }))]);
    this.#endedOf.delete(cache);
  }
}
