import type { SeededRandom } from '../random.ts';
import type { Plan } from './plan.ts';
import type { Scheduler } from './scheduler.ts';

type Items = Map<string, Uint8Array>;

/** Copies kept for a server that comes back with what it held long ago. */
const MAX_COPIES = 4;

/**
 * A layer without scripts as badly behaved as one may be: it forgets, comes back with older contents, answers late, and
 * runs a write a second time whenever it likes. It never answers what was stored under another name.
 */
export class PlainServer {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #plan: Plan;
  readonly #copies: Items[] = [];
  #items: Items = new Map();
  #isUp = true;
  #isHealed = false;
  #stalledUntilMs = 0;

  constructor(options: { scheduler: Scheduler; random: SeededRandom; plan: Plan }) {
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#plan = options.plan;
  }

  /** Runs a command now, or when a stall is over. `refuse` is called while the server is down. */
  receive(command: () => void, refuse: () => void): void {
    const waitMs = this.#stalledUntilMs - this.#scheduler.nowMs;
    if (waitMs > 0) this.#scheduler.after(waitMs, () => this.receive(command, refuse));
    else if (this.#isUp) command();
    else refuse();
  }

  get(name: string): Uint8Array | undefined {
    return this.#items.get(name);
  }

  set(name: string, bytes: Uint8Array): void {
    this.#items.set(name, bytes);
    if (!this.#isHealed && this.#random.chance(0.1)) {
      this.#scheduler.after(this.#plan.leaseMs * this.#random.between(0, 4), () => this.#items.set(name, bytes));
    }
  }

  /** Goes down, and comes back empty or with what it held at some moment before. */
  restart(downMs: number, from: 'nothing' | 'copy'): void {
    this.#isUp = false;
    this.#scheduler.after(downMs, () => {
      this.#items = new Map(from === 'copy' && this.#copies.length > 0 ? this.#random.pick(this.#copies) : []);
      this.#isUp = true;
    });
  }

  stall(ms: number): void {
    this.#stalledUntilMs = this.#scheduler.nowMs + ms;
  }

  /** Makes room: forgets about half. */
  evict(): void {
    for (const name of [...this.#items.keys()]) if (this.#random.chance(0.5)) this.#items.delete(name);
  }

  copy(): void {
    this.#copies.push(new Map(this.#items));
    if (this.#copies.length > MAX_COPIES) this.#copies.shift();
  }

  heal(): void {
    this.#isHealed = true;
    this.#isUp = true;
    this.#stalledUntilMs = 0;
  }
}
