import type { Clock } from '../clock.ts';
import { CacheError } from '../errors.ts';
import type { PlainRead, PlainStore, PlainStoreLimits, PlainWrite } from './plain-store.ts';

/** Calls in a row without one name served after which a layer is left alone. */
const OPENS_AFTER = 5;
/** How long it is left alone before one call tries it again. */
const OPEN_MS = 1_000;

export interface BreakerOptions {
  readonly clock: Clock;
  /** So many names were not asked for. */
  onSkip(names: number): void;
}

/**
 * A layer without scripts that is left alone while it answers nothing: a read then goes on to the next layer at once
 * instead of after a deadline. One call a second tries again, and its first answer ends it. A refused write is an answer.
 *
 * It also makes outcomes out of whatever a driver throws, so that a batch never fails as a whole.
 */
export class BreakerStore implements PlainStore {
  readonly limits: PlainStoreLimits;
  readonly #store: PlainStore;
  readonly #options: BreakerOptions;
  #failures = 0;
  #openUntilMs = Number.NEGATIVE_INFINITY;

  constructor(store: PlainStore, options: BreakerOptions) {
    this.#store = store;
    this.#options = options;
    this.limits = store.limits;
  }

  read(names: readonly string[]): Promise<readonly PlainRead[]> {
    return this.#guard(names.length, () => this.#store.read(names));
  }

  write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]> {
    return this.#guard(writes.length, () => this.#store.write(writes));
  }

  async close(): Promise<void> {
    await this.#store.close().catch(() => {});
  }

  async #guard<O>(names: number, call: () => Promise<readonly O[]>): Promise<readonly (O | CacheError)[]> {
    if (!this.#mayAsk()) {
      this.#options.onSkip(names);
      return new Array<CacheError>(names).fill(LEFT_ALONE);
    }
    let outcomes: readonly (O | CacheError)[];
    try {
      outcomes = await call();
    } catch (error) {
      outcomes = new Array<CacheError>(names).fill(asCacheError(error));
    }
    this.#failures = outcomes.every(isUnanswered) ? this.#failures + 1 : 0;
    if (this.#failures >= OPENS_AFTER) this.#leaveAlone();
    else this.#openUntilMs = Number.NEGATIVE_INFINITY;
    return outcomes;
  }

  #mayAsk(): boolean {
    if (this.#failures < OPENS_AFTER) return true;
    if (this.#options.clock.monotonicMs() < this.#openUntilMs) return false;
    // Only this call tries; the others are spared its deadline.
    this.#leaveAlone();
    return true;
  }

  #leaveAlone(): void {
    this.#openUntilMs = this.#options.clock.monotonicMs() + OPEN_MS;
  }
}

const LEFT_ALONE = new CacheError('REMOTE_UNAVAILABLE', 'the layer answered nothing and is left alone for a second');

/** Whether an outcome says that nobody was there. */
function isUnanswered(outcome: unknown): boolean {
  return CacheError.is(outcome) && outcome.code !== 'REMOTE_REJECTED';
}

function asCacheError(error: unknown): CacheError {
  if (CacheError.is(error)) return error;
  return new CacheError('INTERNAL', 'a driver threw something else than a CacheError', {}, { cause: error });
}
