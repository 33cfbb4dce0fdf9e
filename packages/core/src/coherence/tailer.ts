import type { Clock, Timer } from '../clock.ts';
import type { Coordinator, TailReply } from './coordinator.ts';
import type { View } from './view.ts';

export interface TailerOptions {
  readonly clock: Clock;
  readonly view: View;
  readonly coordinator: Coordinator;
  readonly leaseMs: number;
  /** After every tail, and on every beat: what is known about the connection may have changed. */
  onSettled(outcome: TailOutcome): void;
  /** Why a tail failed. */
  onRefused(reason: unknown): void;
}

/** How one tail ended: `resynced` is a proof that had to empty the memory. */
export type TailOutcome = 'proved' | 'resynced' | 'failed' | 'clock-jump';

/** Tails that may follow one another without a pause: pages of a long log, or replies that a change of epoch voided. */
const MAX_TAILS_IN_A_ROW = 64;

/**
 * Keeps the view proved: a tail every third of Δ, at every connection, gap and doubt, and on demand of reads, never two
 * at once. A reply counts as of the moment its tail was sent.
 */
export class Tailer {
  readonly #options: TailerOptions;
  readonly #beatMs: number;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** When the tail under way was sent. */
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #isWanted = false;
  #isStopped = false;

  constructor(options: TailerOptions) {
    this.#options = options;
    this.#beatMs = Math.max(1, Math.floor(options.leaseMs / 3));
    this.#schedule();
  }

  /** Asks for a tail at once, or right after the one under way. */
  request(): void {
    if (this.#isStopped) return;
    if (this.#running === undefined) this.#running = this.#run();
    else this.#isWanted = true;
  }

  /**
   * Resolves to whether the view is proved for a read that began at `beganMs`. Readers that wait share one tail; a tail
   * under way serves them if it was sent late enough.
   */
  async prove(beganMs: number): Promise<boolean> {
    const { clock, view } = this.#options;
    const isProved = (): boolean => view.proof.covers(beganMs, clock.wallMs());
    if (isProved()) return true;
    if (this.#running !== undefined) {
      const isLateEnough = view.proof.isYoung(this.#sentAtMs, beganMs, clock.wallMs());
      await this.#running;
      if (isLateEnough || isProved()) return isProved();
    }
    this.request();
    await this.#running;
    return isProved();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(this.#beatMs, () => {
      this.#checkClocks();
      this.request();
      this.#schedule();
    });
  }

  async #run(): Promise<void> {
    try {
      let isDone = false;
      for (let i = 0; i < MAX_TAILS_IN_A_ROW && !isDone && !this.#isStopped; i++) {
        this.#isWanted = false;
        isDone = await this.#once();
        if (this.#isWanted) isDone = false;
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** One tail; answers whether another one need not follow at once. */
  async #once(): Promise<boolean> {
    const { clock, view, coordinator, onSettled, onRefused } = this.#options;
    this.#checkClocks();
    const voids = view.voids;
    const sentAtMs = clock.wallMs();
    this.#sentAtMs = sentAtMs;
    let reply: TailReply;
    try {
      reply = await coordinator.tail({ epoch: view.epoch, applied: view.applied });
    } catch (error) {
      onRefused(error);
      this.#isWanted = false;
      onSettled('failed');
      return true;
    }
    if (view.voids !== voids) return false;
    const effect = view.applyTail(reply, sentAtMs, clock.wallMs());
    if (effect !== 'proved') return effect === 'unproved' && reply.snapshot === undefined;
    onSettled(reply.snapshot === undefined ? 'proved' : 'resynced');
    return true;
  }

  #checkClocks(): void {
    const { view, onSettled } = this.#options;
    if (view.proof.checkClocks()) return;
    view.forgetEverything();
    onSettled('clock-jump');
  }
}
