import type { Clock } from '../clock.ts';
import { Pending } from '../coherence/activity.ts';
import type { Lease } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import type { Trace } from '../telemetry/trace.ts';

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
  /** The newest tail sent when it began, see `Answers`. */
  readonly date: number;
  /** The tags known so far; those computed from the value join at its end. */
  tags: readonly string[];
  /** Whether it began under a closed fence: then what it brings is kept nowhere. */
  readonly isFenced: boolean;
  /** Whether more tags will be computed from the value. */
  hasUnknownTags: boolean;
  /** What the loader brought, checked and isolated; rejects with what it threw. */
  readonly result: Promise<LoadedValue>;
  /** The span of the call that started it. */
  readonly owner: Trace | undefined;
  /** Its own span, below that one. */
  readonly trace: Trace | undefined;
  isMarked = false;
  /** The settled result, from then until it has been kept or given up. */
  loaded: LoadedValue | undefined;

  constructor(facts: {
    key: string;
    isFenced: boolean;
    lease: Lease | undefined;
    startedAtMs: number;
    date: number;
    tags: readonly string[];
    hasUnknownTags: boolean;
    owner: Trace | undefined;
    trace: Trace | undefined;
    start: (flight: Flight) => Promise<LoadedValue>;
  }) {
    super(facts.key);
    this.isFenced = facts.isFenced;
    this.lease = facts.lease;
    this.startedAtMs = facts.startedAtMs;
    this.date = facts.date;
    this.tags = facts.tags;
    this.hasUnknownTags = facts.hasUnknownTags;
    this.owner = facts.owner;
    this.trace = facts.trace;
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

  override onAnswer(): void {
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
export async function runLoader(
  loader: Loader<unknown>,
  timeoutMs: number | undefined,
  clock: Clock,
): Promise<unknown> {
  const controller = new AbortController();
  const context = { signal: controller.signal };
  if (timeoutMs === undefined) return loader(context);
  const timer = clock.after(timeoutMs, () => controller.abort(timeoutError(timeoutMs)), 'awaited');
  try {
    return await waitFor(call(loader, context), controller.signal);
  } finally {
    timer.cancel();
  }
}

/** A loader as a promise of its own, whatever it answers or throws. */
async function call(loader: Loader<unknown>, context: LoadContext): Promise<unknown> {
  return loader(context);
}

function timeoutError(timeoutMs: number): CacheError {
  const facts = { subject: 'loadTimeout', limit: timeoutMs };
  return new CacheError('LOAD_TIMEOUT', `the loader did not settle within ${timeoutMs} ms`, facts);
}

/** Those who wait under one signal. It gets one listener for all of them: adding many takes quadratic time. */
interface Waiters {
  readonly leaves: Set<() => void>;
  /** Takes the listener away. */
  end(): void;
}

const waitersOf = new WeakMap<AbortSignal, Waiters>();

/** Waits for `promise` unless `signal` fires first; only this waiter goes, with the signal's reason. */
export function waitFor<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise<T>((resolve, reject) => {
    const waiters = waitersUnder(signal);
    const leave = (): void => reject(signal.reason);
    waiters.leaves.add(leave);
    promise.then(resolve, reject).finally(() => {
      waiters.leaves.delete(leave);
      if (waiters.leaves.size === 0) waiters.end();
    });
  });
}

function waitersUnder(signal: AbortSignal): Waiters {
  const present = waitersOf.get(signal);
  if (present !== undefined) return present;
  const leaves = new Set<() => void>();
  const onAbort = (): void => {
    for (const leave of leaves) leave();
  };
  const waiters = {
    leaves,
    end() {
      waitersOf.delete(signal);
      signal.removeEventListener('abort', onAbort);
    },
  };
  waitersOf.set(signal, waiters);
  signal.addEventListener('abort', onAbort, { once: true });
  return waiters;
}
