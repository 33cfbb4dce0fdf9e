import type { Clock, Timer } from '../clock.ts';
import { CacheError } from '../errors.ts';
import { atHome } from '../telemetry/home-context.ts';
import type { Coordinator, Member, TailReply } from './coordinator.ts';
import type { View } from './view.ts';

export interface TailerOptions {
  readonly clock: Clock;
  readonly view: View;
  readonly coordinator: Coordinator;
  readonly leaseMs: number;
  readonly member: Member;
  /** After every tail, and on every beat: what is known about the connection may have changed. */
  onSettled(outcome: TailOutcome): void;
  /** A tail brought events that no message had told of. */
  onUntold(): void;
  /** Why a tail failed. */
  onRefused(reason: unknown): void;
}

/** How one tail ended: `resynced` is a proof that had to empty the memory. */
export type TailOutcome = 'proved' | 'resynced' | 'failed' | 'clock-jump';

/** Tails that may follow one another without a pause: pages of a long log, or replies that a change of epoch voided. */
const MAX_TAILS_IN_A_ROW = 64;

/** Tails a read waits for; a run of them may take far longer than the read's deadline. */
const MAX_TAILS_OF_A_READ = 2;

/**
 * Keeps the view proved: a tail every third of Δ, at every connection, gap and doubt, and on demand of reads, never two
 * at once. A reply counts as of the moment its tail was sent.
 */
export class Tailer {
  readonly #options: TailerOptions;
  readonly #beatMs: number;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isWanted = false;
  /** Readers told after every single tail, whatever became of it. */
  #waiting: (() => void)[] = [];
  #isStopped = false;

  constructor(options: TailerOptions) {
    this.#options = options;
    this.#beatMs = Math.max(1, Math.floor(options.leaseMs / 3));
    this.#schedule();
  }

  /** Asks for a tail at once, or right after the one under way. */
  request(): void {
    if (this.#isStopped) return;
    // What a tail sets off, listeners and the journal's delivery, is no part of the read that happened to need it.
    if (this.#running === undefined) this.#running = atHome(() => this.#run());
    else this.#isWanted = true;
  }

  /**
   * Resolves to whether the view is proved for a read that began at `beganMs`, by a tail after number `after` (see
   * `Answers`). Readers that wait share one tail; a tail under way serves them if it was sent late enough.
   */
  async prove(beganMs: number, after: number = -1): Promise<boolean> {
    const { clock, view } = this.#options;
    return this.#tailUntil(() => view.answers.proved > after && view.proof.covers(beganMs, clock.wallMs()));
  }

  /** Resolves to whether the view is proved now and every event up to `seq` has been applied. */
  async reach(seq: number): Promise<boolean> {
    const { clock, view } = this.#options;
    return this.#tailUntil(() => view.applied >= seq && view.proof.covers(clock.wallMs()));
  }

  async #tailUntil(isDone: () => boolean): Promise<boolean> {
    // The one under way, which may have been sent too early or be voided, and one more.
    for (let tails = 0; tails < MAX_TAILS_OF_A_READ && !isDone() && !this.#isStopped; tails++) {
      if (this.#running === undefined) this.request();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return isDone();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(this.#beatMs, () => {
      this.#checkClocks();
      // The tail of the beat before is still under way: from here on ages are not trusted to one clock.
      if (this.#running !== undefined) this.#options.view.proof.isOverdue = true;
      this.request();
      this.#schedule();
    });
  }

  async #run(): Promise<void> {
    try {
      let isDone = false;
      for (let i = 0; i < MAX_TAILS_IN_A_ROW && !isDone && !this.#isStopped; i++) {
        this.#isWanted = false;
        isDone = await this.#once();
        if (this.#isWanted) isDone = false;
        if (!isDone) this.#wake();
      }
    } finally {
      this.#running = undefined;
      this.#wake();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** One tail; answers whether another one need not follow at once. */
  async #once(): Promise<boolean> {
    const { clock, view, coordinator, member, onSettled, onRefused } = this.#options;
    this.#checkClocks();
    const voids = view.voids;
    view.onTailSent();
    const sentAtMs = clock.wallMs();
    let reply: TailReply;
    try {
      reply = await coordinator.tail({
        member,
        epoch: view.epoch,
        applied: view.applied,
        withSlots: view.buckets !== undefined,
      });
    } catch (error) {
      view.proof.isOverdue = true;
      onRefused(error);
      this.#isWanted = false;
      onSettled('failed');
      return true;
    }
    if (view.voids !== voids) return false;
    const appliedBefore = view.applied;
    const effect = view.applyTail(reply, sentAtMs, clock.wallMs());
    if (view.applied > appliedBefore && reply.snapshot === undefined) this.#options.onUntold();
    if (reply.conflictingLeaseMs !== undefined) {
      // What happens is heard of, and nothing is believed.
      view.proof.end();
      onRefused(conflict(member.leaseMs, reply.conflictingLeaseMs));
      onSettled('failed');
      return true;
    }
    if (effect !== 'proved') return effect === 'unproved' && reply.snapshot === undefined;
    onSettled(reply.snapshot === undefined ? 'proved' : 'resynced');
    return true;
  }

  #checkClocks(): void {
    const { view, onSettled } = this.#options;
    if (view.proof.checkClocks()) return;
    view.forgetEverything();
    onSettled('clock-jump');
  }
}

/** Without one Δ nobody could tell for how long others may still answer something old. */
function conflict(ownMs: number, agreedMs: number): CacheError {
  const message = `this instance has coherence.lease ${ownMs} ms, a live instance of the cache ${agreedMs} ms`;
  return new CacheError('CONFIG_CONFLICT', message, { subject: 'coherence.lease', limit: agreedMs, actual: ownMs });
}
