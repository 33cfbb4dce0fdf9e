import type { HistoryEvent, InvalidateEvent, ReadEvent, SetEvent, SettledEvent } from './events.ts';
import { isBefore, type KeyEvent, KeyHistory } from './key-history.ts';
import { type Percentiles, percentiles } from './percentiles.ts';

export interface CheckOptions {
  /** Δ, in ms. */
  readonly leaseMs: number;
  /** Violations told with their history; more are only counted. Default 20. */
  readonly maxExamples?: number;
}

/**
 * What a history can do wrong.
 *
 * - `staleness`: a read that began more than Δ after a delivered invalidation returned a value from before it (G1).
 * - `own-write`: an instance did not see its own call, delivered or not, in a read that began after it (G3).
 * - `linearizable`: somebody answered the old value after a guarded write was reported to be in force everywhere.
 * - `monotonic`: an instance that had answered from behind an invalidation answered from before it (G5).
 * - `convergence`: more than Δ after everything had settled, an instance did not answer the newest version (G6).
 */
export type ViolationRule = 'staleness' | 'own-write' | 'linearizable' | 'monotonic' | 'convergence';

export interface Violation {
  readonly rule: ViolationRule;
  readonly key: string;
  readonly instance: string;
  /** One sentence, for people. */
  readonly message: string;
  readonly read: ReadEvent;
  /** What happened to the key around it, in order of time. */
  readonly history: readonly HistoryEvent[];
}

/** A read that returned a value from before an invalidation that had been delivered when it began. */
export interface StaleRead {
  readonly read: ReadEvent;
  /** How long before the read began that invalidation had been delivered, in ms. */
  readonly stalenessMs: number;
}

export interface HistoryVerdict {
  readonly reads: number;
  readonly invalidations: number;
  readonly sets: number;
  readonly undelivered: number;
  /** In the order of the log. */
  readonly staleReads: readonly StaleRead[];
  /** Of the stale reads, in ms. */
  readonly staleness: Percentiles;
  /** Number of violations of each rule; all must be 0. */
  readonly violations: Readonly<Record<ViolationRule, number>>;
  readonly examples: readonly Violation[];
  /** Keys that some instance did not answer in their newest version after everything had settled. */
  readonly stuckKeys: readonly string[];
}

const DEFAULT_EXAMPLES = 20;
const MAX_EVENTS_OF_EXAMPLE = 40;

/** Holds the log of a run against the promises of the cache. Time n log n, memory a few times the log's. */
export function checkHistory(log: readonly HistoryEvent[], options: CheckOptions): HistoryVerdict {
  return new Check(log, options).run();
}

class Check {
  readonly #log: readonly HistoryEvent[];
  readonly #leaseMs: number;
  readonly #maxExamples: number;
  readonly #reads: readonly ReadEvent[];
  readonly #writes: readonly (InvalidateEvent | SetEvent)[];
  readonly #histories: ReadonlyMap<string, KeyHistory>;
  readonly #counts: Record<ViolationRule, number> = {
    staleness: 0,
    'own-write': 0,
    linearizable: 0,
    monotonic: 0,
    convergence: 0,
  };
  readonly #examples: Violation[] = [];

  constructor(log: readonly HistoryEvent[], options: CheckOptions) {
    this.#log = log;
    this.#leaseMs = options.leaseMs;
    this.#maxExamples = options.maxExamples ?? DEFAULT_EXAMPLES;
    this.#reads = log.filter((event) => event.type === 'read');
    this.#writes = log.filter((event) => event.type === 'invalidate' || event.type === 'set');
    this.#histories = indexKeys(this.#writes, new Set(this.#reads.map(({ key }) => key)));
  }

  run(): HistoryVerdict {
    const staleReads = this.#checkStaleness();
    this.#checkCallsInForce();
    for (const reads of groupBy(this.#reads, ({ instance, key }) => `${instance}\0${key}`)) this.#checkMonotonic(reads);
    const stuckKeys = this.#checkConvergence();
    return {
      reads: this.#reads.length,
      invalidations: this.#writes.filter(({ type }) => type === 'invalidate').length,
      sets: this.#writes.filter(({ type }) => type === 'set').length,
      undelivered: this.#writes.filter(({ delivered }) => !delivered).length,
      staleReads,
      staleness: percentiles(staleReads.map(({ stalenessMs }) => stalenessMs)),
      violations: this.#counts,
      examples: this.#examples,
      stuckKeys,
    };
  }

  #checkStaleness(): StaleRead[] {
    const stale: StaleRead[] = [];
    for (const read of this.#reads) {
      const first = this.#histories.get(read.key)?.firstAgainst(read);
      if (first === undefined) continue;
      const stalenessMs = read.beganMs - first.deliveredMs;
      stale.push({ read, stalenessMs });
      if (stalenessMs <= this.#leaseMs) continue;
      const message = `answered version ${read.version}, ${ms(stalenessMs)} after an invalidation of it was delivered`;
      this.#report('staleness', read, message, first);
    }
    return stale;
  }

  /** Calls that are to be seen at once: by their own instance, or by everybody where that was reported. */
  #checkCallsInForce(): void {
    for (const read of this.#reads) {
      const history = this.#histories.get(read.key);
      const own = history?.firstOwnAgainst(read);
      const message = `answered version ${read.version} from before`;
      if (own !== undefined) this.#report('own-write', read, `${message} its own call ${ended(own, read)}`, own);
      const linearized = history?.firstLinearizedAgainst(read);
      if (linearized === undefined) continue;
      this.#report('linearizable', read, `${message} a linearizable write ${ended(linearized, read)}`, linearized);
    }
  }

  /** `reads`: those of one instance on one key. */
  #checkMonotonic(reads: readonly ReadEvent[]): void {
    const history = this.#histories.get(reads[0]?.key ?? '');
    if (history === undefined) return;
    const byEnd = [...reads].sort((one, other) => one.endedMs - other.endedMs);
    const byBegin = [...reads].sort((one, other) => one.beganMs - other.beganMs);
    let ended = 0;
    let newest: { event: KeyEvent; read: ReadEvent } | undefined;
    for (const read of byBegin) {
      for (; ended < byEnd.length && (byEnd[ended] as ReadEvent).endedMs <= read.beganMs; ended++) {
        const earlier = byEnd[ended] as ReadEvent;
        const event = history.newestBehind(earlier);
        if (event !== undefined && (newest === undefined || event.beganMs > newest.event.beganMs)) {
          newest = { event, read: earlier };
        }
      }
      if (newest === undefined || !isBefore(read, newest.event)) continue;
      const agoMs = read.beganMs - newest.read.endedMs;
      const message = `answered version ${read.version}, ${ms(agoMs)} after version ${newest.read.version} from behind an invalidation`;
      this.#report('monotonic', read, message, newest.event);
    }
  }

  #checkConvergence(): string[] {
    const settled = this.#log.findLast((event): event is SettledEvent => event.type === 'settled');
    if (settled === undefined) return [];
    const stuck = new Set<string>();
    for (const read of this.#reads) {
      const newest = settled.versions[read.key];
      if (newest === undefined || read.version === newest || read.beganMs <= settled.atMs + this.#leaseMs) continue;
      stuck.add(read.key);
      const message = `answered version ${read.version} instead of ${newest}, ${ms(read.beganMs - settled.atMs)} after all was settled`;
      this.#report('convergence', read, message, undefined);
    }
    return [...stuck];
  }

  #report(rule: ViolationRule, read: ReadEvent, message: string, against: KeyEvent | undefined): void {
    this.#counts[rule]++;
    if (this.#examples.length >= this.#maxExamples) return;
    const { key, instance } = read;
    this.#examples.push({ rule, key, instance, message, read, history: this.#around(read, against) });
  }

  /** All invalidations of the key since the value was loaded, and the reads of the instance since then. */
  #around(read: ReadEvent, against: KeyEvent | undefined): HistoryEvent[] {
    const sinceMs = Math.min(read.loadBeganMs ?? read.beganMs, against?.beganMs ?? read.beganMs) - 50;
    const concerned = this.#log.filter((event) => {
      if (event.type === 'settled' || event.endedMs < sinceMs || event.beganMs > read.endedMs) return false;
      if (event.type === 'read') return event.key === read.key && event.instance === read.instance;
      return covers(event, read.key);
    }) as Exclude<HistoryEvent, SettledEvent>[];
    concerned.sort((one, other) => one.beganMs - other.beganMs);
    if (concerned.length <= MAX_EVENTS_OF_EXAMPLE) return concerned;
    const half = MAX_EVENTS_OF_EXAMPLE / 2;
    return [...concerned.slice(0, half), ...concerned.slice(-half)];
  }
}

function covers(event: InvalidateEvent | SetEvent, key: string): boolean {
  if (event.type === 'set') return event.key === key;
  return event.keys === 'all' || event.keys.includes(key);
}

function indexKeys(
  writes: readonly (InvalidateEvent | SetEvent)[],
  readKeys: ReadonlySet<string>,
): ReadonlyMap<string, KeyHistory> {
  const byKey = new Map<string, KeyEvent[]>([...readKeys].map((key) => [key, []]));
  for (const event of writes) {
    const deliveredMs = event.delivered ? event.endedMs : Number.POSITIVE_INFINITY;
    const add = (key: string, version: number | undefined): void => {
      byKey.get(key)?.push({ beganMs: event.beganMs, deliveredMs, version, event });
    };
    if (event.type === 'set') add(event.key, event.version);
    else if (event.keys === 'all') for (const key of readKeys) add(key, undefined);
    else for (const [index, key] of event.keys.entries()) add(key, event.versions?.[index]);
  }
  return new Map([...byKey].map(([key, events]) => [key, new KeyHistory(events)]));
}

function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): Iterable<T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = nameOf(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups.values();
}

function ended({ event }: KeyEvent, read: ReadEvent): string {
  return `that had ended ${ms(read.beganMs - event.endedMs)} earlier`;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
