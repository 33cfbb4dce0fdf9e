/** A call that is due at a moment of virtual time. */
interface Due {
  readonly atMs: number;
  /** Ties are broken by order of scheduling, so that a seed has one history. */
  readonly order: number;
  readonly call: () => void;
}

/** Virtual time: a queue of calls in the order in which they fall due. */
export class Scheduler {
  nowMs = 0;
  #order = 0;
  /** A binary heap, the earliest first. */
  readonly #heap: Due[] = [];

  at(atMs: number, call: () => void): void {
    const due = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, call };
    this.#heap.push(due);
    this.#rise(this.#heap.length - 1);
  }

  after(delayMs: number, call: () => void): void {
    this.at(this.nowMs + delayMs, call);
  }

  /** Moves time to the next call and makes it; answers false when none is due up to `untilMs`, where time then stands. */
  step(untilMs: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs);
      return false;
    }
    const last = this.#heap.pop() as Due;
    if (last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    this.nowMs = first.atMs;
    first.call();
    return true;
  }

  #rise(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(start: number): void {
    for (let at = start; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const a = this.#heap[left] as Due;
    const b = this.#heap[right] as Due;
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    const held = this.#heap[left] as Due;
    this.#heap[left] = this.#heap[right] as Due;
    this.#heap[right] = held;
  }
}
