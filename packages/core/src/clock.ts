import { performance } from 'node:perf_hooks';

/** A pending call of {@link Clock.after}. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time and of deferred calls in tierwise, so that tests and the simulator own both.
 *
 * Two clocks on purpose: the wall clock goes on while a machine sleeps but can be stepped; the monotonic one is never
 * stepped but stands still during sleep. Each is the other's check (see `coherence/proof.ts`).
 */
export interface Clock {
  /** Wall clock, whole milliseconds since the Unix epoch. The one read on the hot path. */
  wallMs(): number;
  /** Monotonic clock, milliseconds from an arbitrary start. */
  monotonicMs(): number;
  /** Runs `call` once, `delayMs` from now. Does not keep the process alive unless it is `awaited` by somebody. */
  after(delayMs: number, call: () => void, awaited?: 'awaited'): Timer;
  /** Runs `call` when the current tick and all promise reactions it leads to are done. */
  endOfTick(call: () => void): void;
}

/** The longest delay of setTimeout, about 24.8 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const settled = Promise.resolve();

/** The real clocks and timers of the process. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, call, awaited) {
    // A longer delay than setTimeout can count is waited for in parts.
    const partMs = Math.min(delayMs, MAX_TIMEOUT_MS);
    let next: Timer | undefined;
    const timer = setTimeout(() => {
      if (partMs === delayMs) call();
      else next = this.after(delayMs - partMs, call, awaited);
    }, partMs);
    if (awaited === undefined) timer.unref();
    return {
      cancel() {
        clearTimeout(timer);
        next?.cancel();
      },
    };
  },
  endOfTick(call) {
    // A nextTick scheduled from within a promise reaction runs only after the whole microtask queue has drained, so
    // callers that arrive through chains of resolved promises still share one batch.
    void settled.then(() => process.nextTick(call));
  },
};
