import { every, monotonicMs } from '../clock.ts';

const STEP_MS = 5;
/** What is caught up at once after a pause. */
const MAX_BURST = 20;
/** Calls under way at once; past it the load waits. */
const MAX_OPEN = 300;

/** Starts calls at a steady rate, whatever the time each takes; the number under way is bounded. */
export class Pacer {
  open = 0;
  readonly #stop: () => void;

  constructor(perSecond: number, call: () => Promise<void>) {
    let lastMs = monotonicMs();
    let due = 0;
    this.#stop = every(STEP_MS, () => {
      const nowMs = monotonicMs();
      due = Math.min(MAX_BURST, due + ((nowMs - lastMs) * perSecond) / 1_000);
      lastMs = nowMs;
      for (; due >= 1 && this.open < MAX_OPEN; due--) {
        this.open++;
        void call().finally(() => {
          this.open--;
        });
      }
    });
  }

  stop(): void {
    this.#stop();
  }
}
