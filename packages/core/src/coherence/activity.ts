import { ChurnMap } from '../churn-map.ts';

/**
 * What is under way for a key and must hear of events on it: loads, reads of the shared layer, sets.
 *
 * The mark lives in the thing under way, never in a map that could be evicted or that somebody would have to age out.
 */
export abstract class Pending {
  readonly key: string;
  /** Events up to this sequence number were known when it began and do not concern it; 0 without a lease. */
  abstract readonly leaseSeq: number;
  /** @internal next one on the same key */
  next: Pending | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** Tells it that a load of its key begins. */
  onLoad(): void {}

  /** Tells it that its key was answered with what the shared layer held, which may be newer than what it will bring. */
  onAnswer(): void {}

  /** Tells it of an event on its key. `seq` is infinite for an own call that has no number yet. */
  abstract mark(seq: number): void;
}

/** The things under way of one partition, found by key. */
export class Activity {
  readonly #byKey = new ChurnMap<Pending>();

  get keys(): number {
    return this.#byKey.size;
  }

  /** The newest thing under way for `key`; the others follow as its `next`. */
  first(key: string): Pending | undefined {
    return this.#byKey.get(key);
  }

  add(pending: Pending): void {
    pending.next = this.#byKey.get(pending.key);
    this.#byKey.set(pending.key, pending);
  }

  remove(pending: Pending): void {
    const first = this.#byKey.get(pending.key);
    if (first === pending) {
      if (pending.next === undefined) this.#byKey.delete(pending.key);
      else this.#byKey.set(pending.key, pending.next);
    } else {
      for (let at = first; at !== undefined; at = at.next) {
        if (at.next === pending) at.next = pending.next;
      }
    }
    pending.next = undefined;
  }

  /** Marks whatever on `key` began without knowing event `seq`. */
  mark(key: string, seq: number): void {
    for (let at = this.#byKey.get(key); at !== undefined; at = at.next) {
      if (at.leaseSeq < seq) at.mark(seq);
    }
  }

  /** Adds a load, and tells what else is under way for its key. */
  addLoad(load: Pending): void {
    for (let at = this.#byKey.get(load.key); at !== undefined; at = at.next) at.onLoad();
    this.add(load);
  }

  /**
   * Tells what is under way for `key` that it was answered with something from the shared layer, dated `seq`. Which of both
   * is newer the leases cannot say: an instance that lags behind may load later under a lower one.
   */
  answered(key: string, seq: number): void {
    const first = this.#byKey.get(key);
    if (first === undefined) return;
    for (let at: Pending | undefined = first; at !== undefined; at = at.next) at.onAnswer();
    this.mark(key, seq + 1);
  }

  /** Marks whatever began without knowing event `seq`, on any key. */
  markAll(seq: number): void {
    for (const key of this.#byKey.keys()) this.mark(key, seq);
  }
}
