import type { Clock } from '../clock.ts';
import { Pending } from '../coherence/activity.ts';
import type { Lease } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';

/** What a loader is given. */
export interface LoadContext {
  /** Fires when `loadTimeout` has passed: nobody waits for the result any more. */
  readonly signal: AbortSignal;
}

/** Brings the newest committed value from its source. `null` is a value; `undefined` is refused. */
export type Loader<V> = (context: LoadContext) => V | Promise<V>;

/**
 * One load in progress and those who wait for it. It is dated when it starts, and whatever may have made its result old
 * marks it: then nobody joins any more and nothing is kept. The mark is never taken back.
 */
export class Flight extends Pending {
  readonly lease: Lease | undefined;
  readonly startedAtMs: number;
  /** The tags known so far; those computed from the value join at its end. */
  tags: readonly string[];
  /** Whether more tags will be computed from the value. */
  hasUnknownTags: boolean;
  /** What the loader brought, checked and isolated; rejects with what it threw. */
  readonly result: Promise<LoadedValue>;
  isMarked = false;
  /** The settled result, from then until it has been kept or given up. */
  loaded: LoadedValue | undefined;

  constructor(facts: {
    key: string;
    lease: Lease | undefined;
    startedAtMs: number;
    tags: readonly string[];
    hasUnknownTags: boolean;
    start: (flight: Flight) => Promise<LoadedValue>;
  }) {
    super(facts.key);
    this.lease = facts.lease;
    this.startedAtMs = facts.startedAtMs;
    this.tags = facts.tags;
    this.hasUnknownTags = facts.hasUnknownTags;
    // There before the loader runs: what it calls at once may ask for this very key.
    const { promise, resolve, reject } = Promise.withResolvers<LoadedValue>();
    this.result = promise;
    facts.start(this).then(resolve, reject);
    // Every waiter hears of a rejection itself; without waiters nobody has to.
    this.result.catch(() => {});
  }

  get leaseSeq(): number {
    return this.lease?.seq ?? 0;
  }

  mark(): void {
    this.isMarked = true;
  }

  /** Takes in what the loader brought. */
  land(loaded: LoadedValue, tags: readonly string[]): void {
    this.loaded = loaded;
    this.tags = tags;
    this.hasUnknownTags = false;
  }
}

/** A loaded value as its waiters get it. */
export interface LoadedValue {
  readonly value: unknown;
  readonly isCopied: boolean;
}

/** Runs a loader under a deadline. A loader that settles later is ignored. */
export function runLoader(loader: Loader<unknown>, timeoutMs: number | undefined, clock: Clock): Promise<unknown> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () => {
            const facts = { subject: 'loadTimeout', limit: timeoutMs };
            const error = new CacheError('LOAD_TIMEOUT', `the loader did not settle within ${timeoutMs} ms`, facts);
            reject(error);
            controller.abort(error);
          });
    const settled = (): void => timer?.cancel();
    try {
      const result = loader({ signal: controller.signal });
      if (!isThenable(result)) {
        settled();
        resolve(result);
        return;
      }
      result.then(
        (value) => {
          settled();
          resolve(value);
        },
        (error: unknown) => {
          settled();
          reject(error);
        },
      );
    } catch (error) {
      settled();
      reject(error);
    }
  });
}

/** Waits for `promise` unless `signal` fires first; only this waiter goes, with the signal's reason. */
export function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
