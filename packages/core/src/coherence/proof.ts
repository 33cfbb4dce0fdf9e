import type { Clock } from '../clock.ts';

/**
 * The moment up to which the view is known to miss nothing, and the watch over the two clocks that its age is read from.
 *
 * The age is computed at every check, never taken from a flag that a timer sets: a process that was stopped wakes up
 * with its timers late and its clock right. The wall clock is the one read, because the monotonic clock stands still
 * while a machine sleeps. A wall clock can be stepped, so `checkClocks` compares the progress of both, before every tail
 * and on every beat of the tail timer; where they part, the proof ends and the caller drops everything dated by time.
 *
 * What is compared with is the distance of the clocks when the newest proof was asked for, so that a clock that runs slow
 * by little at a time is found as well. Up to the tolerance it is not, and something served by its youth may have lived
 * through four such proofs: the age that still counts is Δ less four tolerances, and the promise keeps its full Δ.
 */
export class Proof {
  readonly limitMs: number;
  /** Wall time the newest complete tail was sent; minus infinity without proof. */
  sentAtMs = Number.NEGATIVE_INFINITY;
  /** Timeline of the connection the proof came over. */
  timeline = '';
  /** Set when a tail failed or has not come back by the next beat; ended by the next proof. */
  isOverdue = false;
  readonly #clock: Clock;
  readonly #toleranceMs: number;
  /** Distance of the clocks when the newest proof was asked for, and at the last look. */
  #provedOffsetMs: number;
  #offsetMs: number;
  /** What `isYoung` compares with for the newest proof. */
  #coversFromMs = Number.POSITIVE_INFINITY;
  #coversUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#toleranceMs = clockToleranceMs(leaseMs);
    this.limitMs = leaseMs - 4 * this.#toleranceMs;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
    this.#provedOffsetMs = this.#offsetMs;
  }

  /**
   * Whether a read that began at `beganMs` may rely on the view. A proof from later than `nowMs` is a stepped clock: no.
   */
  covers(beganMs: number, nowMs: number = beganMs): boolean {
    if (beganMs > this.#coversUntilMs || nowMs < this.#coversFromMs) return false;
    return !this.isOverdue || this.#areClocksTogether();
  }

  /** Whether something dated `asOfMs` is young enough to be served without any proof to a read that began at `beganMs`. */
  isYoung(asOfMs: number, beganMs: number, nowMs: number = beganMs): boolean {
    if (beganMs - asOfMs > this.limitMs || nowMs - asOfMs < -this.#toleranceMs) return false;
    // While proofs come, none gets so old that a stepped clock could hide its age. Once they stop coming, each look at an
    // age takes both clocks.
    return !this.isOverdue || this.#areClocksTogether();
  }

  /** Moves the proof forward; an older one never replaces a newer one. */
  renew(sentAtMs: number, timeline: string): void {
    if (sentAtMs < this.sentAtMs) return;
    this.sentAtMs = sentAtMs;
    this.#coversFromMs = sentAtMs - this.#toleranceMs;
    this.#coversUntilMs = sentAtMs + this.limitMs;
    this.timeline = timeline;
    this.isOverdue = false;
    this.#provedOffsetMs = this.#offsetMs;
  }

  end(): void {
    this.sentAtMs = Number.NEGATIVE_INFINITY;
    this.#coversFromMs = Number.POSITIVE_INFINITY;
    this.#coversUntilMs = Number.NEGATIVE_INFINITY;
    this.timeline = '';
  }

  /**
   * False when wall clock and monotonic clock have moved apart since the newest proof was asked for. Called right before
   * every tail, so that the distance found here is the one its proof begins with.
   */
  checkClocks(): boolean {
    this.#offsetMs = this.#clock.wallMs() - this.#clock.monotonicMs();
    if (this.#areClocksTogether()) return true;
    this.#provedOffsetMs = this.#offsetMs;
    return false;
  }

  #areClocksTogether(): boolean {
    const offsetMs = this.#clock.wallMs() - this.#clock.monotonicMs();
    return Math.abs(offsetMs - this.#provedOffsetMs) <= this.#toleranceMs;
  }
}

/** One hundredth of Δ, at least 2 ms: both clocks are read one after the other and the wall clock counts whole milliseconds. */
function clockToleranceMs(leaseMs: number): number {
  return Math.max(2, leaseMs / 100);
}
