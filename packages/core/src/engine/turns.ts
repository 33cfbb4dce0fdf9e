import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Lets at most so many calls run at a time; the others wait in order. A call made from inside a running one never waits:
 * it would wait for its own caller.
 *
 * It is what keeps a moment in which no proof holds, and every read turns to its loader, from reaching the source all at
 * once.
 */
export class Turns {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  readonly #inside = new AsyncLocalStorage<true>();
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs `call` when it is its turn, and answers what it answers. */
  async run<R>(call: () => Promise<R>): Promise<R> {
    if (this.#inside.getStore() === true) return call();
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#inside.run(true, call);
    } finally {
      // A turn that ends is handed on, so that nobody new can slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
