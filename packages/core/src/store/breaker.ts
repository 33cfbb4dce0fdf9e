import type { Clock } from '../clock.ts';
import { CacheError } from '../errors.ts';
import type { PlainRead, PlainStore, PlainStoreLimits, PlainWrite } from './plain-store.ts';

/** Calls in a row without one name served after which a part of a layer is left alone. */
const OPENS_AFTER = 5;
/** How long it is left alone before it is tried again. */
const OPEN_MS = 1_000;

export interface BreakerOptions {
  readonly clock: Clock;
  /** So many names were not asked for. */
  onSkip(names: number): void;
}

/** What is known of one part. */
class Part {
  /** Calls in a row that it answered nothing of. */
  failures = 0;
  openUntilMs = Number.NEGATIVE_INFINITY;
  isTried = false;
}

/**
 * A layer without scripts whose parts are left alone while they answer nothing: a read then goes on to the next layer at
 * once instead of after a deadline, and the names of the other parts are served as ever. A call that would ask such a part
 * has one name read of it beside, at most once a second; nobody waits for it, and its first answer ends the pause. A
 * refused write is an answer.
 *
 * It also makes outcomes out of whatever a driver throws, so that a batch never fails as a whole.
 *
 * Costs: until a part has failed often enough, calls that ask for its names wait for it, and so do the names of other
 * parts that share a call with them.
 */
export class BreakerStore implements PlainStore {
  readonly limits: PlainStoreLimits;
  readonly #store: PlainStore;
  readonly #options: BreakerOptions;
  readonly #parts: readonly Part[];
  readonly #first: Part;

  constructor(store: PlainStore, options: BreakerOptions) {
    this.#store = store;
    this.#options = options;
    this.limits = store.limits;
    this.#parts = Array.from({ length: store.limits.parts }, () => new Part());
    this.#first = this.#parts[0] ?? new Part();
  }

  partOf(name: string): number {
    return this.#store.partOf(name);
  }

  read(names: readonly string[]): Promise<readonly PlainRead[]> {
    return this.#guard(
      names,
      (name) => name,
      (asked) => this.#store.read(asked),
    );
  }

  write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]> {
    return this.#guard(
      writes,
      ({ name }) => name,
      (asked) => this.#store.write(asked),
    );
  }

  async close(): Promise<void> {
    await this.#store.close().catch(() => {});
  }

  async #guard<I, O>(
    items: readonly I[],
    nameOf: (item: I) => string,
    call: (asked: readonly I[]) => Promise<readonly O[]>,
  ): Promise<readonly (O | CacheError)[]> {
    const parts = items.map((item) => this.#partHolding(nameOf(item)));
    const isOpen = parts.map((part) => part.failures >= OPENS_AFTER);
    const asked = items.filter((_, index) => !isOpen[index]);
    for (const [index, part] of parts.entries()) {
      if (isOpen[index]) this.#tryAgain(part, nameOf(items[index] as I));
    }
    if (asked.length < items.length) this.#options.onSkip(items.length - asked.length);
    const answers = asked.length === 0 ? [] : await attempt(asked.length, () => call(asked));
    let at = 0;
    const outcomes = items.map((_, index) => (isOpen[index] ? LEFT_ALONE : (answers[at++] as O | CacheError)));
    this.#learn(
      parts.filter((_, index) => !isOpen[index]),
      answers,
    );
    return outcomes;
  }

  /** One name in the background, so that no call is held up by a part that is still away. */
  #tryAgain(part: Part, name: string): void {
    if (part.isTried || this.#options.clock.monotonicMs() < part.openUntilMs) return;
    part.isTried = true;
    void attempt(1, () => this.#store.read([name])).then((answers) => {
      part.isTried = false;
      this.#learn([part], answers);
    });
  }

  /** Takes note of what each part that was asked came to; `parts` has one item for each of the answers. */
  #learn(parts: readonly Part[], answers: readonly unknown[]): void {
    const served = new Set(parts.filter((_, index) => !isUnanswered(answers[index])));
    for (const part of new Set(parts)) {
      part.failures = served.has(part) ? 0 : part.failures + 1;
      if (part.failures >= OPENS_AFTER) part.openUntilMs = this.#options.clock.monotonicMs() + OPEN_MS;
    }
  }

  #partHolding(name: string): Part {
    if (this.#parts.length < 2) return this.#first;
    try {
      return this.#parts[this.#store.partOf(name)] ?? this.#first;
    } catch {
      return this.#first;
    }
  }
}

const LEFT_ALONE = new CacheError('REMOTE_UNAVAILABLE', 'this part of the layer answered nothing and is left alone');

/** The outcomes of a call, or what it threw as the outcome of each name. */
async function attempt<O>(names: number, call: () => Promise<readonly O[]>): Promise<readonly (O | CacheError)[]> {
  try {
    const outcomes: unknown = await call();
    if (!Array.isArray(outcomes)) throw new TypeError('a driver answered with something else than a list');
    return outcomes;
  } catch (error) {
    return new Array<CacheError>(names).fill(asCacheError(error));
  }
}

/** Whether an outcome says that nobody was there. */
function isUnanswered(outcome: unknown): boolean {
  return CacheError.is(outcome) && outcome.code !== 'REMOTE_REJECTED';
}

function asCacheError(error: unknown): CacheError {
  if (CacheError.is(error)) return error;
  return new CacheError('INTERNAL', 'a driver threw something else than a CacheError', {}, { cause: error });
}
