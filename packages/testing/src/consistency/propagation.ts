import { sleep } from '../clock.ts';
import { type Percentiles, percentiles } from '../history/percentiles.ts';
import type { SeededRandom } from '../random.ts';
import type { Fleet } from './fleet.ts';

const PAUSE_MS = 100;
const PROBE_KEYS = 64;

/** How long deletes take to reach the other instances, in ms. */
export interface Propagation {
  /** From the call of `delete` to the first moment another instance no longer answers the old value. */
  readonly fromCall: Percentiles;
  /** From the moment `delete` reported delivery; 0 where the other instance was faster than the report. */
  readonly fromDelivery: Percentiles;
}

/**
 * Measures propagation while a run goes on: puts a value into every memory, lets one instance delete it, and has the
 * others look for the moment it is gone.
 */
export class PropagationProbe {
  readonly #fromCall: number[] = [];
  readonly #fromDelivery: number[] = [];

  get result(): Propagation {
    return { fromCall: percentiles(this.#fromCall), fromDelivery: percentiles(this.#fromDelivery) };
  }

  /** Probes until `signal` fires. */
  async run(fleet: Fleet, random: SeededRandom, leaseMs: number, signal: AbortSignal): Promise<void> {
    for (let round = 0; !signal.aborted && fleet.instances.length > 1; round++) {
      // An instance that is killed meanwhile spoils one round.
      await this.#round(fleet, random, leaseMs, `probe:${round % PROBE_KEYS}`).catch(() => {});
      await sleep(PAUSE_MS);
    }
  }

  async #round(fleet: Fleet, random: SeededRandom, leaseMs: number, key: string): Promise<void> {
    const all = fleet.instances;
    await Promise.all(all.map(({ calls }) => calls.call('warm', key)));
    const author = random.pick(all);
    const others = all.filter((instance) => instance !== author);
    const timeoutMs = 3 * leaseMs + 1_000;
    const watches = others.map(({ calls }) => calls.call('watch', { key, timeoutMs }).catch(() => undefined));
    await sleep(2);
    const drop = await author.calls.call('drop', key);
    const goneTimes = await Promise.all(watches);
    if (drop === undefined) return;
    for (const goneMs of goneTimes) {
      // Gone before the delete began: something else emptied that memory.
      if (goneMs === undefined || goneMs < drop.beganMs) continue;
      this.#fromCall.push(goneMs - drop.beganMs);
      this.#fromDelivery.push(Math.max(0, goneMs - drop.deliveredMs));
    }
  }
}
