/**
 * The log of a real run: what each instance asked for and got, one event an item, in any order.
 *
 * As text it is JSON Lines: one event a line. All times are milliseconds on one monotonic clock; processes of one machine
 * share `CLOCK_MONOTONIC`, which `process.hrtime.bigint()` reads. Take `beganMs` right before a call and `endedMs` right
 * after it settled: a process that is stopped in between then errs on the side of no false alarm.
 */
export type HistoryEvent = ReadEvent | InvalidateEvent | SetEvent | SettledEvent;

interface Call {
  /** The process that made it; a restarted one is another instance. */
  readonly instance: string;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** A read that brought a value. */
export interface ReadEvent extends Call {
  readonly type: 'read';
  readonly key: string;
  /** Version of the value in the source of truth; grows with every commit on the key. */
  readonly version: number;
  /** When the load that brought the value began, or the `set` that stored it. Left out, versions alone decide. */
  readonly loadBeganMs?: number;
  /** How it was read, for people. */
  readonly via?: string;
}

/** A delete, or an invalidation of a tag, a prefix or everything. */
export interface InvalidateEvent extends Call {
  readonly type: 'invalidate';
  /** All keys it covers; `'all'` for the whole cache. */
  readonly keys: readonly string[] | 'all';
  /** Newest committed version of each of `keys`, in their order, as of the call. */
  readonly versions?: readonly number[];
  /** Whether the cache reported it delivered. An undelivered one promises nothing yet, but to its own instance. */
  readonly delivered: boolean;
  /** Whether the cache reported it in force everywhere: then nobody may answer anything older from `endedMs` on. */
  readonly linearized?: boolean;
  /** The call, for people. */
  readonly via?: string;
}

/** A `set`: the value is dated `beganMs`, and everything older of the key is invalid once it is delivered. */
export interface SetEvent extends Call {
  readonly type: 'set';
  readonly key: string;
  readonly version: number;
  readonly delivered: boolean;
}

/** All faults are over and every commit was followed by a delivered invalidation; from Δ later on all must agree. */
export interface SettledEvent {
  readonly type: 'settled';
  readonly atMs: number;
  /** Key → version in the source of truth. */
  readonly versions: Readonly<Record<string, number>>;
}

/** Reads a log as text. Blank lines are passed over. */
export function parseHistory(text: string): HistoryEvent[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as HistoryEvent);
}

/** The text form of a log. */
export function formatHistory(events: readonly HistoryEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}
