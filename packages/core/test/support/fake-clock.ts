import { setImmediate } from 'node:timers/promises';
import { type Clock, systemClock, type Timer } from '../../src/clock.ts';

interface Pending {
  readonly dueMs: number;
  readonly call: () => void;
}

/** Lets every promise reaction and every end of tick run that anything so far has led to. */
export async function settled(): Promise<void> {
  await setImmediate();
  await setImmediate();
}

/**
 * Two clocks a test steers apart. Timers count on the monotonic one, as those of the event loop do; ends of ticks are
 * the real ones.
 */
export class FakeClock implements Clock {
  #wallMs = 1_800_000_000_000;
  #monotonicMs = 5_000;
  #timers: Pending[] = [];

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, call: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + delayMs, call };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  endOfTick(call: () => void): void {
    systemClock.endOfTick(call);
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Time goes by as usual: every timer runs when it is due, and what it leads to before the next one. */
  async advance(ms: number): Promise<void> {
    await settled();
    const endMs = this.#monotonicMs + ms;
    for (let next = this.#due(endMs); next !== undefined; next = this.#due(endMs)) {
      this.#go(Math.max(0, next.dueMs - this.#monotonicMs));
      this.#run(next);
      await settled();
    }
    this.#go(endMs - this.#monotonicMs);
  }

  /** The event loop is blocked, or the process stopped: both clocks go on and no timer runs. */
  block(ms: number): void {
    this.#go(ms);
  }

  /** Runs the timers that a blocked event loop has left due. */
  async runLateTimers(): Promise<void> {
    await this.advance(0);
  }

  /** The machine sleeps: the wall clock goes on, the monotonic one stands still, and so do the timers. */
  sleep(ms: number): void {
    this.#wallMs += ms;
  }

  /** Somebody sets the wall clock. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  #go(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  #due(untilMs: number): Pending | undefined {
    const due = this.#timers.filter((timer) => timer.dueMs <= untilMs);
    return due.sort((a, b) => a.dueMs - b.dueMs)[0];
  }

  #run(timer: Pending): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
    timer.call();
  }
}
