import type { Clock } from '../clock.ts';
import type { Coordinator, Invalidation, Lease, SequencedReply } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import type { FillOutcome, SetOutcome, StoreWrite } from '../store/store.ts';
import { publish } from '../telemetry/publish.ts';
import { leaderOf, type Trace, within } from '../telemetry/trace.ts';
import { type EnvelopeHeader, encodeEnvelope } from '../wire/envelope.ts';
import { NOTHING } from '../wire/event.ts';
import type { Writer } from './stack-writer.ts';

/** A value ready to be sent; its lease is written into the bytes only when it goes. */
export interface Draft extends Omit<EnvelopeHeader, 'epoch' | 'lease' | 'seq'> {
  readonly key: string;
  readonly lease: Lease;
  readonly ttlMs: number;
  readonly payload: Uint8Array;
}

/** What one write is to do: a value to be encoded, or an entry as another layer holds it. */
type Content = Draft | StoreWrite;

/** What became of one fill, with the place in the sequence at which it was judged. */
export interface FillResult extends SequencedReply {
  readonly outcome: FillOutcome;
}

/** What became of one set, with the place of its event in the sequence. */
export interface SetReply extends SequencedReply {
  readonly outcome: SetOutcome;
}

interface OperationBase<R> {
  /** The span it is a part of. */
  readonly trace: Trace | undefined;
  readonly settle: Settle<R>;
}

/** A set as the queue takes it. */
export interface SetOperation extends OperationBase<SetReply> {
  readonly kind: 'set';
  readonly draft: Draft;
  readonly to: Writer;
  /** Whether one made before it on the same key may be waiting with it. */
  readonly mayRepeat: boolean;
}

type Operation =
  | SetOperation
  | (OperationBase<FillResult> & { readonly kind: 'fill'; readonly content: Content; readonly to: Writer })
  | (OperationBase<SequencedReply> & { readonly kind: 'invalidate'; readonly invalidation: Invalidation });

/** Who hears what became of a write: once, and at once. Must not throw. */
export interface Settle<R> {
  resolve(result: R): void;
  reject(reason: unknown): void;
}

export interface WriteQueueOptions {
  readonly clock: Clock;
  /** The layer that messages are told of; the authority's. */
  readonly store: Pick<Writer, 'name' | 'limits'>;
  readonly coordinator: Coordinator;
  /**
   * An own event got its place in a sequence. Called before anybody who waits for it is told; answers false when that
   * sequence does not count any more, and then the call has failed.
   */
  onSequenced(reply: SequencedReply, invalidation: Invalidation): boolean | Promise<boolean>;
}

/** Why a call failed that was answered. */
export const ENDED_HISTORY = 'the answer came from a history that has ended';

/** Most bytes of values in one call, so that no call blocks the store for long. */
const MAX_CALL_BYTES = 4 * 1024 * 1024;

/**
 * Writes of one tick, in the order they were made, each run of one kind to one layer as one call, and no call waiting for another:
 * together they are one round trip. Where a run of sets is too long for one call, its calls follow one another.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  #queue: Operation[] = [];

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  fill(draft: Draft, to: Writer, trace?: Trace): Promise<FillResult> {
    return this.#fill(draft, to, trace);
  }

  /** Stores an entry that another layer holds. */
  copy(entry: StoreWrite, to: Writer): Promise<FillResult> {
    return this.#fill(entry, to, undefined);
  }

  set(operation: SetOperation): void {
    this.#add(operation);
  }

  /** At most `maxBatch` keys at a time. */
  invalidate(invalidation: Invalidation, trace?: Trace): Promise<SequencedReply> {
    return new Promise((resolve, reject) =>
      this.#add({ kind: 'invalidate', invalidation, trace, settle: { resolve, reject } }),
    );
  }

  #fill(content: Content, to: Writer, trace: Trace | undefined): Promise<FillResult> {
    return new Promise((resolve, reject) =>
      this.#add({ kind: 'fill', content, to, trace, settle: { resolve, reject } }),
    );
  }

  #add(operation: Operation): void {
    if (this.#queue.length === 0) this.#options.clock.endOfTick(() => this.#flush());
    this.#queue.push(operation);
  }

  #flush(): void {
    const operations = this.#queue;
    this.#queue = [];
    let start = 0;
    for (let at = 1; at <= operations.length; at++) {
      if (at < operations.length && isAlike(operations[at], operations[start])) continue;
      this.#dispatch(operations.slice(start, at));
      start = at;
    }
  }

  #dispatch(run: readonly Operation[]): void {
    // A run holds one kind only, which the type cannot say.
    const [first] = run;
    if (first?.kind === 'fill') {
      const { to } = first;
      for (const part of split(run as OperationOf<'fill'>[], to, ({ content }) => content)) {
        void this.#sendFills(part, to);
      }
    } else if (first?.kind === 'set') {
      const { to } = first;
      void this.#sendSets(
        split(coalesce(run as OperationOf<'set'>[]), to, ({ draft }) => draft),
        to,
      );
    } else {
      const { maxBatch } = this.#options.store.limits;
      for (const part of splitKeys(run as OperationOf<'invalidate'>[], maxBatch)) void this.#sendEvent(part);
    }
  }

  async #sendFills(fills: readonly OperationOf<'fill'>[], to: Writer): Promise<void> {
    try {
      const writes = fills.map(({ content }) => ('bytes' in content ? content : toWrite(content, content.lease)));
      const reply = await within(leaderOf(tracesOf(fills)), () => to.fill(writes));
      const { epoch, seq, outcomes } = reply;
      fills.forEach(({ settle }, index) => {
        settle.resolve({ epoch, seq, outcome: outcomes[index] ?? 'voided' });
      });
    } catch (error) {
      for (const { settle } of fills) settle.reject(error);
    }
  }

  async #sendSets(parts: readonly (readonly OperationOf<'set'>[])[], to: Writer): Promise<void> {
    let own: SequencedReply | undefined;
    for (const sets of parts) {
      try {
        const writes = sets.map(({ draft }) => toWrite(draft, advance(draft.lease, own)));
        const reply = await publish(tracesOf(sets), this.#options, (origins) => to.set(writes, origins));
        const isEvent = reply.outcomes.some((outcome) => outcome !== 'outdated');
        const keys = isEvent ? writes.map((write) => write.key) : [];
        await this.#confirm(reply, { ...NOTHING, keys });
        const { epoch, seq, outcomes } = reply;
        sets.forEach(({ settle }, index) => {
          settle.resolve({ epoch, seq, outcome: outcomes[index] ?? 'conflicted' });
        });
        own = isNext(own, reply, sets) ? reply : undefined;
      } catch (error) {
        for (const { settle } of sets) settle.reject(error);
      }
    }
  }

  async #confirm(reply: SequencedReply, invalidation: Invalidation): Promise<void> {
    const isSequenced = this.#options.onSequenced(reply, invalidation);
    if (isSequenced === true || (await isSequenced)) return;
    throw new CacheError('REMOTE_UNAVAILABLE', ENDED_HISTORY);
  }

  async #sendEvent(events: readonly OperationOf<'invalidate'>[]): Promise<void> {
    const merged = merge(events.map(({ invalidation }) => invalidation));
    try {
      const reply = await publish(tracesOf(events), this.#options, (origins) =>
        this.#options.coordinator.invalidate(merged, undefined, origins),
      );
      await this.#confirm(reply, merged);
      for (const { settle } of events) settle.resolve(reply);
    } catch (error) {
      for (const { settle } of events) settle.reject(error);
    }
  }
}

/** Whether two operations can be one call. */
function isAlike(one: Operation | undefined, other: Operation | undefined): boolean {
  if (one === undefined || other === undefined || one.kind !== other.kind) return false;
  return one.kind === 'invalidate' || other.kind === 'invalidate' || one.to === other.to;
}

function tracesOf(operations: readonly Operation[]): (Trace | undefined)[] {
  return operations.map(({ trace }) => trace);
}

type OperationOf<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

/** The union of several events; as one event it covers what each of them covers. */
export function merge(invalidations: readonly Invalidation[]): Invalidation {
  const [only] = invalidations;
  if (invalidations.length === 1 && only !== undefined) return only;
  return {
    keys: [...new Set(invalidations.flatMap(({ keys }) => keys))],
    tags: [...new Set(invalidations.flatMap(({ tags }) => tags))],
    prefixes: [...new Set(invalidations.flatMap(({ prefixes }) => prefixes))],
    patterns: [...new Set(invalidations.flatMap(({ patterns }) => patterns))],
    clear: invalidations.some(({ clear }) => clear),
  };
}

function toWrite(draft: Draft, lease: Lease): StoreWrite {
  const { codecId, expiresAtMs, version, tags } = draft;
  const header = { codecId, expiresAtMs, version, tags, epoch: lease.epoch, lease: lease.seq, seq: 0 };
  return { key: draft.key, lease, ttlMs: draft.ttlMs, bytes: encodeEnvelope(header, draft.payload) };
}

/**
 * The lease for a later part of a long run of sets. Where nothing but the run's own calls happened since the lease was
 * taken, they need not refuse each other: keys that share a fence slot would.
 */
function advance(lease: Lease, own: SequencedReply | undefined): Lease {
  return own !== undefined && own.epoch === lease.epoch && own.seq > lease.seq
    ? { epoch: own.epoch, seq: own.seq }
    : lease;
}

/** Whether a reply follows the run's calls before it, and for the first the leases, with no other event between. */
function isNext(own: SequencedReply | undefined, reply: SequencedReply, sets: readonly OperationOf<'set'>[]): boolean {
  return sets.every(({ draft }) => {
    const before = advance(draft.lease, own);
    return before.epoch === reply.epoch && before.seq + 1 === reply.seq;
  });
}

/** Parts of at most `maxBatch` operations and `MAX_CALL_BYTES`, of one epoch each. */
function split<O>(run: readonly O[], { limits }: Writer, contentOf: (operation: O) => Content): O[][] {
  const parts: O[][] = [];
  let part: O[] = [];
  let bytes = 0;
  let epoch = '';
  for (const operation of run) {
    const content = contentOf(operation);
    const size = 'bytes' in content ? content.bytes.byteLength : content.payload.byteLength;
    const isFull = part.length >= limits.maxBatch || (bytes > 0 && bytes + size > MAX_CALL_BYTES);
    if (isFull || (part.length > 0 && epoch !== content.lease.epoch)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(operation);
    bytes += size;
    epoch = content.lease.epoch;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function splitKeys(run: readonly OperationOf<'invalidate'>[], maxBatch: number): OperationOf<'invalidate'>[][] {
  const parts: OperationOf<'invalidate'>[][] = [];
  let part: OperationOf<'invalidate'>[] = [];
  let names = 0;
  for (const operation of run) {
    const { keys, tags, prefixes, patterns } = operation.invalidation;
    const more = keys.length + tags.length + prefixes.length + patterns.length;
    if (part.length > 0 && names + more > maxBatch) {
      parts.push(part);
      part = [];
      names = 0;
    }
    part.push(operation);
    names += more;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/**
 * The sets of one run with each key once: the last one made counts, or the one of the highest version where both have
 * one. Whoever made another one hears that it was not stored as soon as the one that counts has been judged.
 */
function coalesce(run: readonly OperationOf<'set'>[]): readonly OperationOf<'set'>[] {
  if (!run.some(({ mayRepeat }) => mayRepeat)) return run;
  const byKey = new Map<string, OperationOf<'set'>>();
  for (const later of run) {
    const { key } = later.draft;
    const earlier = byKey.get(key);
    byKey.set(key, earlier === undefined ? later : prevail(earlier, later));
  }
  return [...byKey.values()];
}

function prevail(earlier: OperationOf<'set'>, later: OperationOf<'set'>): OperationOf<'set'> {
  const [was, is] = [earlier.draft.version, later.draft.version];
  const areDated = was !== undefined && is !== undefined;
  const [winner, loser] = areDated && is < was ? [earlier, later] : [later, earlier];
  const outcome = areDated && is !== was ? 'outdated' : 'conflicted';
  return {
    ...winner,
    settle: {
      resolve(result) {
        winner.settle.resolve(result);
        loser.settle.resolve({ ...result, outcome });
      },
      reject(reason) {
        winner.settle.reject(reason);
        loser.settle.reject(reason);
      },
    },
  };
}
