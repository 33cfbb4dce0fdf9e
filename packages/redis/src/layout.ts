import { CacheError, type Clock } from 'tierwise/driver';

/**
 * The number of partitions of a cluster, which all instances of a cache have to agree about: a key belongs to another
 * partition where the number is another one, and an invalidation would not reach it.
 *
 * Each partition remembers the number that its members keep to (`lua/read-tail.lua`). An instance that meets another
 * number anywhere uses no partition at all, and claims none as its own, until the others are gone. A partition that has
 * forgotten the number may have lost its state: its members have three Δ to say it again.
 */
export class Layout {
  readonly #partitions: number;
  readonly #clock: Clock;
  readonly #waitMs: number;
  /** Partition → when it last told of another number. */
  readonly #disputed = new Map<number, number>();

  /** `partitions`: 0 for a server that is no cluster. */
  constructor(options: { partitions: number; clock: Clock; leaseMs: number }) {
    this.#partitions = options.partitions;
    this.#clock = options.clock;
    this.#waitMs = 3 * options.leaseMs;
  }

  /** What a tail says about it: the number, negative while it only looks. */
  get claim(): number {
    return this.#disputed.size === 0 ? this.#partitions : -this.#partitions;
  }

  /**
   * Takes in what partition `index` remembers; `undefined` for nothing to the contrary. `claim` is what its tail had said:
   * one that only looked has not made the partition's own what it found there, which may be from before the other number.
   *
   * @throws {CacheError} `CONFIG_CONFLICT` when that is another number, `REMOTE_UNAVAILABLE` when other partitions do, or the
   * tail only looked
   */
  note(index: number, agreed: number | undefined, claim: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (agreed === undefined) {
      const disputedMs = this.#disputed.get(index);
      if (disputedMs !== undefined && nowMs - disputedMs > this.#waitMs) this.#disputed.delete(index);
      this.check();
      if (claim < 0) throw disputed();
      return;
    }
    this.#disputed.set(index, nowMs);
    const message = `this instance has ${this.#partitions} partitions, a live instance of the cache ${agreed}`;
    const facts = { subject: 'redis.partitions', limit: agreed, actual: this.#partitions };
    throw new CacheError('CONFIG_CONFLICT', message, facts);
  }

  /** @throws {CacheError} `REMOTE_UNAVAILABLE` while the number is disputed */
  check(): void {
    if (this.#disputed.size > 0) throw disputed();
  }
}

function disputed(): CacheError {
  return new CacheError('REMOTE_UNAVAILABLE', 'live instances of the cache have another number of partitions');
}
