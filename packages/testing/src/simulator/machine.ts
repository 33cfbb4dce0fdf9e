import type { Clock, Timer } from 'tierwise';
import type { Scheduler } from './scheduler.ts';

const settled = Promise.resolve();

/**
 * A process on a machine: its two clocks, its timers, and whether it runs at all. Everything that reaches the process
 * goes through `run`, which holds it back while the process is stopped.
 *
 * Kept true, as on a real machine:
 * - a stopped process finds its overdue timers first and what lies in its sockets after them;
 * - while the machine sleeps its monotonic clock, and with it every timer, stands still; the wall clock goes on;
 * - the wall clock can be stepped, the monotonic one cannot;
 * - a dead process runs nothing any more, whatever still falls due.
 */
export class Machine implements Clock {
  readonly #scheduler: Scheduler;
  readonly #rate: number;
  /** Wall clock less true time. */
  #wallOffsetMs: number;
  #asleepMs = 0;
  #asleepSinceMs: number | undefined;
  #stoppedUntilMs = 0;
  #stoppedSinceMs = 0;
  #stoppedMs = 0;
  #isStopped = false;
  #isDead = false;
  #timers: (() => void)[] = [];
  #arrivals: (() => void)[] = [];
  readonly #onRun: () => void;

  /** `rate`: progress of both clocks for each millisecond of true time, near 1. */
  constructor(options: { scheduler: Scheduler; wallOffsetMs: number; rate: number; onRun: () => void }) {
    this.#scheduler = options.scheduler;
    this.#wallOffsetMs = options.wallOffsetMs;
    this.#rate = options.rate;
    this.#onRun = options.onRun;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isRunning(): boolean {
    return !this.#isDead && !this.#isStopped;
  }

  /** True time spent stopped so far. */
  get stoppedMs(): number {
    return this.#stoppedMs + (this.#isStopped ? this.#scheduler.nowMs - this.#stoppedSinceMs : 0);
  }

  wallMs(): number {
    return Math.floor(this.#scheduler.nowMs * this.#rate + this.#wallOffsetMs);
  }

  monotonicMs(): number {
    return (this.#scheduler.nowMs - this.#asleepMs) * this.#rate;
  }

  after(delayMs: number, call: () => void): Timer {
    const dueMs = this.monotonicMs() + Math.max(1, Math.trunc(delayMs));
    let isCancelled = false;
    const fire = (): void => {
      if (isCancelled || this.#isDead) return;
      const leftMs = (dueMs - this.monotonicMs()) / this.#rate;
      if (leftMs > 1e-6) this.#scheduler.after(leftMs, fire);
      else if (this.#isStopped) this.#timers.push(fire);
      else {
        this.#onRun();
        call();
      }
    };
    this.#scheduler.after((dueMs - this.monotonicMs()) / this.#rate, fire);
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }

  endOfTick(call: () => void): void {
    void settled.then(() => process.nextTick(call));
  }

  /** Lets the outside reach the process: now, or when it runs again. */
  run(call: () => void): void {
    if (this.#isDead) return;
    if (this.#isStopped) this.#arrivals.push(call);
    else {
      this.#onRun();
      call();
    }
  }

  /** Stops the process, its machine's clocks going on. */
  pause(ms: number): void {
    if (!this.#isStopped) this.#stoppedSinceMs = this.#scheduler.nowMs;
    this.#isStopped = true;
    this.#stoppedUntilMs = Math.max(this.#stoppedUntilMs, this.#scheduler.nowMs + ms);
    this.#scheduler.at(this.#stoppedUntilMs, () => this.#resume());
  }

  /** Sends the whole machine to sleep. */
  sleep(ms: number): void {
    if (this.#isStopped) return;
    this.#asleepSinceMs = this.#scheduler.nowMs;
    this.pause(ms);
  }

  stepWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Makes the process run on at once, as the healing of the world does. */
  wake(): void {
    if (!this.#isStopped) return;
    this.#stoppedUntilMs = this.#scheduler.nowMs;
    this.#resume();
  }

  kill(): void {
    this.#isDead = true;
    this.#timers = [];
    this.#arrivals = [];
  }

  /** What has waited runs at one moment, each in an event of its own: timers first, as in Node's event loop. */
  #resume(): void {
    if (!this.#isStopped || this.#isDead || this.#scheduler.nowMs < this.#stoppedUntilMs) return;
    this.#stoppedMs += this.#scheduler.nowMs - this.#stoppedSinceMs;
    this.#isStopped = false;
    // Nobody has looked at the clock in between.
    if (this.#asleepSinceMs !== undefined) this.#asleepMs += this.#scheduler.nowMs - this.#asleepSinceMs;
    this.#asleepSinceMs = undefined;
    const timers = this.#timers;
    const arrivals = this.#arrivals;
    this.#timers = [];
    this.#arrivals = [];
    for (const fire of timers) this.#scheduler.after(0, fire);
    for (const call of arrivals) this.#scheduler.after(0, () => this.run(call));
  }
}
