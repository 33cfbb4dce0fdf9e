import type { Clock, Timer } from '../clock.ts';
import type { FenceChange, Invalidation, MemberStatus, SequencedReply } from '../coherence/coordinator.ts';
import { CacheError } from '../errors.ts';
import { randomEpoch } from '../random.ts';
import { type Trace, within } from '../telemetry/trace.ts';
import { NOTHING } from '../wire/event.ts';
import type { EngineContext } from './context.ts';
import type { Partition } from './partition.ts';

/** What a guarded write changes; scoped, without repetitions. */
export interface MutateNames {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly prefixes: readonly string[];
}

/** How a guarded write is run; validated. */
export interface MutatePlan {
  readonly lifeMs: number;
  readonly isLinearizable: boolean;
  readonly runsUnfenced: boolean;
}

/** What a guarded write is given. */
export interface MutateContext {
  /** Fires with `FENCE_LOST` when a fence could not be renewed: roll back, or accept the ordinary guarantee. */
  readonly signal: AbortSignal;
}

export interface MutateResult<R> {
  /** What the write answered. */
  readonly value: R;
  /** Whether the invalidation after the write was confirmed; if not, it is journaled. */
  readonly delivered: boolean;
  /** Whether fences were closed during the whole write. */
  readonly fenced: boolean;
  /** Whether every registered instance is known to have forgotten the old value; only with `linearizable`. */
  readonly linearized: boolean;
}

/** A partition a guarded write concerns, and its share of the names. */
interface Share {
  readonly partition: Partition;
  readonly invalidation: Invalidation;
}

/** Fences that are closed. */
interface Held {
  /** The epoch each was closed in, by the order of the shares. */
  readonly epochs: readonly string[];
  readonly lifeMs: number;
  /** When the newest call that gave them their life was sent, on both clocks. */
  sentAt: Moment;
}

interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Slack on another instance's Δ, whose clock may run at another rate. */
const LAPSE_FACTOR = 1.05;
/**
 * Age of the list of members from which on whoever can reach the authority is in it: reconnecting waits up to 2.5 s, and
 * connecting has its deadlines.
 */
const LISTED_AFTER_MS = 5_000;
const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 50;

/**
 * Writes to the source of truth under closed fences.
 *
 * Why: between the commit of a write and its invalidation a process can die, and what was loaded before the commit could
 * then be stored after it and stay. A fence closed before the write refuses whatever is loaded under it, everywhere, and
 * its end, by lift or by expiry, is an invalidation of all it covered.
 *
 * Assumed: the database has ended the transaction of a dead process before the fence runs out.
 */
export class Mutations {
  readonly #context: EngineContext;
  readonly #partitions: readonly Partition[];
  readonly #memberId: string;

  constructor(context: EngineContext, partitions: readonly Partition[], memberId: string) {
    this.#context = context;
    this.#partitions = partitions;
    this.#memberId = memberId;
  }

  async run<R>(
    names: MutateNames,
    write: (context: MutateContext) => R | Promise<R>,
    plan: MutatePlan,
    trace?: Trace,
  ): Promise<MutateResult<R>> {
    const shares = this.#shares(names);
    const id = randomEpoch();
    const held = await this.#close(shares, id, plan, trace);
    const controller = new AbortController();
    const renewal = held && this.#renew(shares, id, held, controller);
    let value: R;
    try {
      value = await within(trace, () => write({ signal: controller.signal }));
    } catch (error) {
      renewal?.stop();
      // A write that failed may have committed all the same.
      await this.#lift(shares, held && id, trace);
      throw error;
    }
    renewal?.stop();
    const replies = await this.#lift(shares, held && id, trace);
    const delivered = replies.every((reply) => reply !== undefined);
    const linearized = plan.isLinearizable && delivered && (await this.#awaitMembers(shares, replies));
    const fenced = held !== undefined && !controller.signal.aborted && this.#wasKept(held, replies);
    return { value, delivered, fenced, linearized };
  }

  /** Keys are fenced in their own partition, tags and prefixes in all. */
  #shares({ keys, tags, prefixes }: MutateNames): Share[] {
    const isEverywhere = tags.length > 0 || prefixes.length > 0;
    const byPartition = new Map<Partition, string[]>(isEverywhere ? this.#partitions.map((p) => [p, []]) : []);
    for (const key of keys) {
      const partition = this.#context.partitionOf(key);
      const own = byPartition.get(partition);
      if (own === undefined) byPartition.set(partition, [key]);
      else own.push(key);
    }
    return [...byPartition].map(([partition, own]) => ({
      partition,
      invalidation: { ...NOTHING, keys: own, tags, prefixes },
    }));
  }

  /** Closes all fences or none; `undefined` when they are not closed. */
  async #close(
    shares: readonly Share[],
    id: string,
    plan: MutatePlan,
    trace: Trace | undefined,
  ): Promise<Held | undefined> {
    const sentAt = this.#now();
    const change: FenceChange = { kind: 'close', id, lifeMs: plan.lifeMs, isExclusive: plan.isLinearizable };
    const outcomes = await Promise.allSettled(shares.map((share) => this.#change(share, change, trace)));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure === undefined) {
      const epochs = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.epoch : ''));
      return { epochs, lifeMs: plan.lifeMs, sentAt };
    }
    // One whose answer was lost may be closed all the same, and would refuse its names for the rest of its life.
    await Promise.allSettled(shares.map((share) => this.#change(share, { kind: 'lift', id }, trace)));
    if (plan.runsUnfenced) return undefined;
    const message = 'a fence could not be closed; the write was not begun';
    throw new CacheError('FENCE_UNAVAILABLE', message, {}, { cause: failure.reason });
  }

  /** Lifts the fences, each with the invalidation of what it covered; journals what cannot be delivered. */
  #lift(
    shares: readonly Share[],
    id: string | undefined,
    trace: Trace | undefined,
  ): Promise<(SequencedReply | undefined)[]> {
    return Promise.all(
      shares.map(async (share) => {
        if (id === undefined) {
          const outcome = await share.partition.invalidate(share.invalidation, trace);
          return CacheError.is(outcome) ? undefined : outcome;
        }
        try {
          return await this.#change(share, { kind: 'lift', id }, trace);
        } catch (error) {
          share.partition.journalize(share.invalidation, error, trace);
          return undefined;
        }
      }),
    );
  }

  #change({ partition, invalidation }: Share, change: FenceChange, trace: Trace | undefined): Promise<SequencedReply> {
    for (const key of invalidation.keys) {
      this.#context.memory.invalidate(key);
      partition.view.activity.mark(key, Number.POSITIVE_INFINITY);
    }
    return partition.changeFence(invalidation, change, trace);
  }

  /** Renews every fence each third of its life until stopped; the first failure fires the signal. */
  #renew(shares: readonly Share[], id: string, held: Held, controller: AbortController): { stop(): void } {
    const { clock } = this.#context.options;
    const { lifeMs } = held;
    let timer: Timer | undefined;
    let isStopped = false;
    const lose = (cause?: unknown): void => {
      if (isStopped) return;
      isStopped = true;
      controller.abort(new CacheError('FENCE_LOST', 'a fence could not be renewed', {}, { cause }));
    };
    const schedule = (): void => {
      timer = clock.after(lifeMs / 3, () => {
        const sentAt = this.#now();
        Promise.all(shares.map(({ partition }) => partition.coordinator.renewFence(id, lifeMs))).then((renewed) => {
          if (!renewed.every(Boolean)) return lose();
          held.sentAt = sentAt;
          if (!isStopped) schedule();
        }, lose);
      });
    };
    schedule();
    return {
      stop() {
        isStopped = true;
        timer?.cancel();
      },
    };
  }

  /** Whether the fences lasted until their lifts: a stopped process, or an epoch that ended, may have lost them unseen. */
  #wasKept(held: Held, lifts: readonly (SequencedReply | undefined)[]): boolean {
    const now = this.#now();
    const { wallMs, monotonicMs } = held.sentAt;
    const isAlive = Math.max(now.wallMs - wallMs, now.monotonicMs - monotonicMs) < held.lifeMs;
    return isAlive && lifts.every((lift, index) => lift === undefined || lift.epoch === held.epochs[index]);
  }

  #now(): Moment {
    const { clock } = this.#context.options;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }

  /** Waits until every registered member has applied the lifts, or has been without proof and youth for its own Δ. */
  async #awaitMembers(shares: readonly Share[], replies: readonly (SequencedReply | undefined)[]): Promise<boolean> {
    const liftedAtMs = this.#context.options.clock.monotonicMs();
    const waits = shares.map(({ partition }, index) =>
      this.#awaitMembersOf(partition, replies[index]?.seq ?? 0, liftedAtMs),
    );
    return (await Promise.all(waits)).every(Boolean);
  }

  async #awaitMembersOf(partition: Partition, liftSeq: number, liftedAtMs: number): Promise<boolean> {
    const { clock, leaseMs } = this.#context.options;
    let longestMs = leaseMs;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(2 * pollMs, LAST_POLL_MS)) {
      const sinceLiftMs = clock.monotonicMs() - liftedAtMs;
      try {
        const { members, ageMs } = await partition.coordinator.members();
        longestMs = Math.max(longestMs, ...members.map((member) => member.leaseMs));
        // Where epoch or list were lost just before, members are not known again until they ask. Once Δ has passed since
        // the lift nobody has anything left that was loaded before it, asked for or not.
        const isComplete = ageMs - sinceLiftMs > Math.max(LAPSE_FACTOR * longestMs, LISTED_AFTER_MS);
        const isLapsed = sinceLiftMs > LAPSE_FACTOR * longestMs;
        if ((isComplete || isLapsed) && members.every((member) => this.#isDone(member, liftSeq, sinceLiftMs)))
          return true;
      } catch {
        // Asked again until nobody could be left who still answers the old value, and then not claimed.
      }
      if (sinceLiftMs > 2 * LAPSE_FACTOR * longestMs) return false;
      await pause(clock, pollMs);
    }
  }

  #isDone(member: MemberStatus, liftSeq: number, sinceLiftMs: number): boolean {
    if (member.id === this.#memberId || member.applied >= liftSeq) return true;
    // Silent since the lift for its Δ: its proof has run out, and so has the youth of whatever it had loaded before.
    return Math.min(member.silentMs, sinceLiftMs) > LAPSE_FACTOR * member.leaseMs;
  }
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  // The caller waits for it, so it keeps the process alive.
  return new Promise((resolve) => clock.after(delayMs, resolve, 'awaited'));
}
