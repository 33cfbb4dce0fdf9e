import type { Scheduler } from './scheduler.ts';

export type Direction = 'up' | 'down';

/** What happens to packets: they flow, wait until the fault is healed, or vanish for good. */
export type Fate = 'flows' | 'held' | 'lost';

/** What a connection runs over. */
export interface Medium {
  readonly scheduler: Scheduler;
  /** How long the next packet takes. */
  latencyMs(): number;
  /** Whether what is under way at a reset arrives nevertheless. */
  isLateAfterReset(): boolean;
}

/**
 * One TCP connection between a process and a server. Packets of one direction arrive in order; what vanished takes
 * everything behind it along, since the other side never acknowledges it.
 *
 * A reset by the client ends what is still on the client's side of a fault. Packets already in the network may arrive
 * yet (`Medium.isLateAfterReset` draws it): the server meets a command whose sender gave it up.
 */
export class Wire {
  /** The end of the client's connection has come to the server, or the other way round. */
  isClosed = false;
  /** Given up by the client. */
  isReset = false;
  #mayArriveLate = false;
  readonly instance: number;
  readonly role: string;
  readonly madeMs: number;
  readonly #medium: Medium;
  readonly #fate: Record<Direction, Fate> = { up: 'flows', down: 'flows' };
  readonly #lastMs: Record<Direction, number> = { up: 0, down: 0 };
  readonly #held: Record<Direction, (() => void)[]> = { up: [], down: [] };

  constructor(medium: Medium, instance: number, role: string) {
    this.#medium = medium;
    this.instance = instance;
    this.role = role;
    this.madeMs = medium.scheduler.nowMs;
  }

  /** Sends a packet; `arrive` runs when it gets to the other side. */
  send(direction: Direction, arrive: () => void): void {
    if (this.#fate[direction] === 'lost') return;
    const { scheduler } = this.#medium;
    const atMs = Math.max(scheduler.nowMs + this.#medium.latencyMs(), this.#lastMs[direction] + 1e-3);
    this.#lastMs[direction] = atMs;
    scheduler.at(atMs, () => this.#arrive(direction, arrive));
  }

  /** Sends a packet that overtakes others or is overtaken; only what may come in any order. */
  sendLoose(direction: Direction, delayMs: number, arrive: () => void): void {
    this.#medium.scheduler.after(delayMs, () => {
      if (this.#fate[direction] === 'flows' && !this.isClosed) arrive();
    });
  }

  set(direction: Direction, fate: Fate): void {
    if (this.#fate[direction] === 'lost') return;
    this.#fate[direction] = fate;
    if (fate === 'lost') this.#held[direction] = [];
    if (fate !== 'flows') return;
    const held = this.#held[direction];
    this.#held[direction] = [];
    // Before anything that is still on its way: a stream never changes its order.
    for (const arrive of held) this.#medium.scheduler.after(0, () => this.#arrive(direction, arrive));
  }

  /** The client ends the connection without a farewell. */
  reset(): void {
    if (this.isReset) return;
    this.isReset = true;
    this.#mayArriveLate = this.#medium.isLateAfterReset();
    this.#held.up = [];
  }

  #arrive(direction: Direction, arrive: () => void): void {
    const fate = this.#fate[direction];
    if (fate === 'lost') return;
    if (fate === 'held') {
      if (direction === 'down' || !this.isReset) this.#held[direction].push(arrive);
      return;
    }
    if (direction === 'up' && this.isReset && !this.#mayArriveLate) return;
    arrive();
  }
}
