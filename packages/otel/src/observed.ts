import type { ObservedCache } from 'tierwise/telemetry';
import { addUp, countsOf, type Sample, statesOf } from './samples.ts';

/**
 * The caches that figures are read from. Caches of one name are one series: counts add up, also those of caches that were
 * closed, since a count that sank would read as a restart.
 */
export class Observed {
  readonly #caches = new Set<ObservedCache>();
  #ended: readonly Sample[] = [];

  add(cache: ObservedCache): () => void {
    this.#caches.add(cache);
    return () => {
      if (!this.#caches.delete(cache)) return;
      this.#ended = addUp([...this.#ended, ...countsOf(cache)]);
    };
  }

  /** All figures as of now, one a series. */
  read(): readonly Sample[] {
    const samples = [...this.#ended];
    for (const cache of this.#caches) samples.push(...countsOf(cache), ...statesOf(cache));
    return addUp(samples);
  }
}
