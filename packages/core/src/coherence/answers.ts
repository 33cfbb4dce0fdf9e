/** Keys remembered one by one; past it all of them wait for the next proof. */
const MAX_KEYS = 4_096;

/**
 * What this instance has answered since it last asked for a proof, so that it never goes back behind it.
 *
 * Why: a value may be newer than an event that this instance has not heard of. The shared layer may then hold another one
 * from before that event, which the view would still take for valid. A tail sent after the answered value was there brings
 * the event, so a key that was answered is read from the shared layer again only under a proof from such a tail.
 *
 * Tails are counted and no clock is read. Every proof forgets what it covers. Past the bound the next read of any key waits
 * for a tail, which is one tail more for so many answers.
 */
export class Answers {
  #dates = new Map<string, number>();
  /** The latest of them. */
  #latest = -1;
  /** Date of all keys that are not remembered one by one. */
  #others = -1;
  #sent = 0;
  #proved = 0;

  /** The newest tail sent, as a date for what begins now. */
  get date(): number {
    return this.#sent;
  }

  /** The tail that brought the newest proof. */
  get proved(): number {
    return this.#proved;
  }

  /** Keys remembered. */
  get size(): number {
    return this.#dates.size;
  }

  onTailSent(): void {
    this.#sent++;
  }

  /** The tail sent last has proved the view. */
  onProved(): void {
    this.#proved = this.#sent;
    // Into a map of its own, see `ChurnMap`. As a rule nothing was answered while the tail was under way.
    const kept = new Map<string, number>();
    if (this.#latest >= this.#proved) {
      for (const [key, date] of this.#dates) if (date >= this.#proved) kept.set(key, date);
    }
    this.#dates = kept;
  }

  /** `key` was answered with something that was there at `date`. */
  note(key: string, date: number = this.#sent): void {
    if (date < this.#proved) return;
    // What begins now is dated last of all; only a load may be dated earlier than what was answered meanwhile.
    if (date < this.#sent && (this.#dates.get(key) ?? -1) > date) return;
    this.#dates.set(key, date);
    if (date > this.#latest) this.#latest = date;
    if (this.#dates.size <= MAX_KEYS) return;
    this.#others = this.#sent;
    this.#dates = new Map();
  }

  /** Whether a value of `key` from the shared layer may be older than one that was answered. */
  isDue(key: string): boolean {
    return this.#others >= this.#proved || (this.#dates.get(key) ?? -1) >= this.#proved;
  }

  /** The tail after which one has to be sent before any of these keys can be read; -1 where none has to. */
  dueAfter(keys: readonly string[]): number {
    let latest = this.#others;
    if (this.#dates.size > 0) {
      for (const key of keys) {
        const date = this.#dates.get(key);
        if (date !== undefined && date > latest) latest = date;
      }
    }
    return latest < this.#proved ? -1 : latest;
  }
}
