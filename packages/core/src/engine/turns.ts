import type { Clock, Timer } from '../clock.ts';

/** Without a turn that ended for so long, those who run are taken to wait for those who do not. */
const STANDSTILL_MS = 1_000;

/**
 * Lets at most so many calls run at a time; the others wait in order.
 *
 * It is what keeps a moment in which no proof holds, and every read turns to its loader, from reaching the source all at
 * once. A loader may start loads itself and would wait for its own turn to end: when no turn has ended for a second, as
 * many as the limit are let in beside it. Following each call through its promises would tell nested loads exactly, and
 * makes every promise of the process slower on Node 22.
 */
export class Turns {
  readonly #limit: number;
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];
  #running = 0;
  #ended = 0;
  #watch: Timer | undefined;

  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs `call` when it is its turn, and answers what it answers. */
  async run<R>(call: () => Promise<R>): Promise<R> {
    if (this.#running >= this.#limit) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.#watchForStandstill();
      });
    } else {
      this.#running++;
    }
    try {
      return await call();
    } finally {
      this.#ended++;
      // A turn that ends is handed on, so that nobody new can slip in between.
      const next = this.#running <= this.#limit ? this.#waiting.shift() : undefined;
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #watchForStandstill(): void {
    if (this.#watch !== undefined) return;
    const endedBefore = this.#ended;
    this.#watch = this.#clock.after(STANDSTILL_MS, () => {
      this.#watch = undefined;
      if (this.#waiting.length === 0) return;
      if (this.#ended === endedBefore) this.#letIn();
      if (this.#waiting.length > 0) this.#watchForStandstill();
    });
  }

  #letIn(): void {
    const admitted = this.#waiting.splice(0, this.#limit);
    this.#running += admitted.length;
    for (const next of admitted) next();
  }
}
