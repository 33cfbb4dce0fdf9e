import type { BuiltFrom } from '../versions.ts';

/** Changes kept of one thing; an answer that misses more of them counts as younger than it is. */
const KEPT = 100;

interface Acknowledged {
  readonly version: number;
  readonly atMs: number;
}

/**
 * Judges answers by what had been acknowledged before their request began.
 *
 * Keeps true: an answer is stale iff it shows a version older than one whose change had been acknowledged to this
 * process before the request began in this process. Its age is the time from the first acknowledgement it misses to
 * the begin of the request. All times are of one clock, so nothing is compared between processes.
 */
export class StalenessMeter {
  readonly #changes = new Map<string, Acknowledged[]>();

  /** Notes a change that was answered as delivered. */
  acknowledge(changed: BuiltFrom, atMs: number): void {
    for (const [key, version] of Object.entries(changed)) {
      const known = this.#changes.get(key);
      if (known === undefined) this.#changes.set(key, [{ version, atMs }]);
      else if (known.push({ version, atMs }) > KEPT) known.shift();
    }
  }

  /** How old the oldest part of an answer was when its request began, in milliseconds; `undefined` if none was stale. */
  ageMs(builtFrom: BuiltFrom, beganMs: number): number | undefined {
    let oldest: number | undefined;
    for (const [key, version] of Object.entries(builtFrom)) {
      const missed = this.#changes.get(key)?.find((change) => change.version > version);
      if (missed === undefined || missed.atMs >= beganMs) continue;
      oldest = Math.max(oldest ?? 0, beganMs - missed.atMs);
    }
    return oldest;
  }
}
