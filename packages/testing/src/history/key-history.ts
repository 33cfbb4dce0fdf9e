import type { InvalidateEvent, ReadEvent, SetEvent } from './events.ts';

/** An invalidation of one key as the checks see it. */
export interface KeyEvent {
  readonly beganMs: number;
  /** Infinite while it is not delivered. */
  readonly deliveredMs: number;
  /** Newest version committed before it; `undefined` where the log does not tell. */
  readonly version: number | undefined;
  readonly event: InvalidateEvent | SetEvent;
}

/** Items in ascending order of `at`, each with the best `value` of all items from it to one end. */
class Ladder {
  readonly #at: number[] = [];
  readonly #best: KeyEvent[] = [];

  /** `better` decides between two; `towards` says over which items the best is taken. */
  constructor(
    events: readonly KeyEvent[],
    at: (event: KeyEvent) => number,
    better: (one: KeyEvent, other: KeyEvent) => KeyEvent,
    towards: 'start' | 'end',
  ) {
    const sorted = [...events].sort((one, other) => at(one) - at(other));
    this.#at = sorted.map(at);
    this.#best = [...sorted];
    if (towards === 'end') {
      for (let i = sorted.length - 2; i >= 0; i--) {
        this.#best[i] = better(this.#best[i] as KeyEvent, this.#best[i + 1] as KeyEvent);
      }
    } else {
      for (let i = 1; i < sorted.length; i++) {
        this.#best[i] = better(this.#best[i - 1] as KeyEvent, this.#best[i] as KeyEvent);
      }
    }
  }

  /** The best of all items above `limit`. */
  above(limit: number): KeyEvent | undefined {
    return this.#best[this.#countUpTo(limit)];
  }

  /** The best of all items below `limit`. */
  below(limit: number): KeyEvent | undefined {
    let count = this.#countUpTo(limit);
    while (count > 0 && this.#at[count - 1] === limit) count--;
    return this.#best[count - 1];
  }

  /** How many items are at `limit` or below. */
  #countUpTo(limit: number): number {
    let low = 0;
    let high = this.#at.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#at[middle] as number) <= limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Finds the event that first made a value stale: the earliest in force of those that the value is from before. */
class FirstAgainst {
  readonly #inForceMs: (event: KeyEvent) => number;
  readonly #bySince: Ladder;
  readonly #byVersion: Ladder;

  /** `inForceMs`: when an event begins to count. */
  constructor(events: readonly KeyEvent[], inForceMs: (event: KeyEvent) => number) {
    const earlier = (one: KeyEvent, other: KeyEvent): KeyEvent => (inForceMs(other) < inForceMs(one) ? other : one);
    const versioned = events.filter(({ version }) => version !== undefined);
    this.#inForceMs = inForceMs;
    this.#bySince = new Ladder(events, ({ beganMs }) => beganMs, earlier, 'end');
    this.#byVersion = new Ladder(versioned, ({ version }) => version as number, earlier, 'end');
  }

  find(read: ReadEvent): KeyEvent | undefined {
    const first =
      read.loadBeganMs === undefined ? this.#byVersion.above(read.version) : this.#bySince.above(read.loadBeganMs);
    return first !== undefined && this.#inForceMs(first) < read.beganMs ? first : undefined;
  }
}

/** Everything that invalidated one key, indexed for the questions the checks ask. */
export class KeyHistory {
  readonly #deliveredFirst: FirstAgainst;
  readonly #newestDeliveredBy: Ladder;
  readonly #linearized: FirstAgainst;
  readonly #own = new Map<string, FirstAgainst>();
  readonly #delivered: readonly KeyEvent[];

  constructor(events: readonly KeyEvent[]) {
    this.#delivered = events.filter(({ deliveredMs }) => Number.isFinite(deliveredMs));
    this.#deliveredFirst = new FirstAgainst(events, ({ deliveredMs }) => deliveredMs);
    const linearized = this.#delivered.filter(({ event }) => event.type === 'invalidate' && event.linearized === true);
    this.#linearized = new FirstAgainst(linearized, ({ deliveredMs }) => deliveredMs);
    for (const instance of new Set(events.map(({ event }) => event.instance))) {
      const own = events.filter(({ event }) => event.instance === instance);
      this.#own.set(instance, new FirstAgainst(own, ({ event }) => event.endedMs));
    }
    this.#newestDeliveredBy = new Ladder(
      this.#delivered,
      ({ deliveredMs }) => deliveredMs,
      (one, other) => (other.beganMs > one.beganMs ? other : one),
      'start',
    );
  }

  /** The event that made the value of `read` stale first, if any had been delivered before the read began. */
  firstAgainst(read: ReadEvent): KeyEvent | undefined {
    return this.#deliveredFirst.find(read);
  }

  /** The same of those that were reported to be in force everywhere. */
  firstLinearizedAgainst(read: ReadEvent): KeyEvent | undefined {
    return this.#linearized.find(read);
  }

  /** The same of calls that the reading instance had made itself, delivered or not. */
  firstOwnAgainst(read: ReadEvent): KeyEvent | undefined {
    return this.#own.get(read.instance)?.find(read);
  }

  /** The newest event that the value of `read` is from behind for certain. */
  newestBehind(read: ReadEvent): KeyEvent | undefined {
    if (read.loadBeganMs !== undefined) return this.#newestDeliveredBy.below(read.loadBeganMs);
    let newest: KeyEvent | undefined;
    for (const event of this.#delivered) {
      if (event.version === undefined || event.version > read.version || event.deliveredMs >= read.beganMs) continue;
      if (newest === undefined || event.version > (newest.version as number)) newest = event;
    }
    return newest;
  }
}

/** Whether the value of `read` is from before `event`. */
export function isBefore(read: ReadEvent, event: KeyEvent): boolean {
  if (read.loadBeganMs !== undefined) return read.loadBeganMs < event.beganMs;
  return event.version !== undefined && read.version < event.version;
}
