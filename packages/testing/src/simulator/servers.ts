import type { AuthorityState } from 'tierwise/driver';
import type { SeededRandom } from '../random.ts';
import type { Plan } from './plan.ts';
import type { Scheduler } from './scheduler.ts';
import { ServerNode, type ServerWatch } from './server-node.ts';

/** Copies of the state kept for restarts from an older file and for lagging replicas. */
const MAX_COPIES = 8;

/** The one primary at a time, what became of those before it, and the copies of its state that may come back. */
export class Servers {
  primary: ServerNode;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #plan: Plan;
  readonly #watch: ServerWatch;
  #copies: AuthorityState[] = [];
  #timelines = 0;

  constructor(options: { scheduler: Scheduler; random: SeededRandom; plan: Plan; watch: ServerWatch }) {
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#plan = options.plan;
    this.#watch = options.watch;
    this.primary = this.#node();
  }

  /** Writes a copy of the state, as a snapshot file or a replica that falls behind from now on. */
  copy(): void {
    this.#copies.push(this.primary.authority.capture());
    if (this.#copies.length > MAX_COPIES) this.#copies.shift();
  }

  /** Stops the primary and starts it again: empty, as it was, or as an older copy has it. */
  restart(state: 'empty' | 'same' | 'older', downMs: number, isSilent: boolean): void {
    const { primary } = this;
    if (!primary.isUp) return;
    const kept = state === 'same' ? primary.authority.capture() : state === 'older' ? this.#someCopy() : undefined;
    primary.crash(isSilent);
    if (state !== 'same') this.#watch.onMembersLost();
    const next = this.#node(kept);
    next.isUp = false;
    next.isSilent = isSilent;
    this.primary = next;
    this.#scheduler.after(downMs, () => {
      next.start(next.timeline);
      next.isLoading = true;
      this.#scheduler.after(downMs * this.#random.next() * 0.3, () => {
        next.isLoading = false;
      });
    });
  }

  /**
   * Promotes a replica with an older copy of the state. The primary before it is gone, or lives on as a replica of the
   * new one: connections to it stay up, and it refuses every command.
   */
  failover(old: 'gone' | 'silent' | 'demoted'): void {
    const { primary } = this;
    if (!primary.isUp) return;
    const next = this.#node(this.#someCopy());
    this.primary = next;
    this.#watch.onMembersLost();
    if (old === 'demoted') {
      primary.isPrimary = false;
      // A replica takes over the state of its primary and keeps its clients.
      primary.authority.restore(next.authority.capture());
    } else {
      primary.crash(old === 'silent');
    }
  }

  /** Gives the server another replication id without ending a connection, as the first replica to attach does. */
  renewTimeline(): void {
    this.primary.timeline = this.#timeline();
  }

  /** Everything answers again. */
  heal(): void {
    const { primary } = this;
    if (!primary.isUp) primary.start(primary.timeline);
    primary.isLoading = false;
    primary.stall(0);
  }

  #someCopy(): AuthorityState | undefined {
    return this.#copies.length === 0 ? undefined : this.#random.pick(this.#copies);
  }

  #node(state?: AuthorityState): ServerNode {
    const { logEvents, maxVersions, tailEvents, bus } = this.#plan;
    const node = new ServerNode({
      scheduler: this.#scheduler,
      random: this.#random,
      timeline: this.#timeline(),
      offsetMs: 1.7e12 + this.#random.between(-1e6, 1e6),
      logEvents,
      maxVersions,
      tailEvents,
      bus,
      watch: this.#watch,
    });
    if (state !== undefined) node.authority.restore(state);
    return node;
  }

  #timeline(): string {
    this.#timelines++;
    return this.#timelines.toString(16).padStart(40, '0');
  }
}
