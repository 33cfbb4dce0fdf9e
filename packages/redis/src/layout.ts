import { CacheError } from 'tierwise/driver';

/**
 * The number of partitions of a cluster, which all instances of a cache have to agree about: a key belongs to another
 * partition where the number is another one, and an invalidation would not reach it.
 *
 * Each partition remembers the number that its members keep to (`lua/read-tail.lua`). An instance that meets another
 * number anywhere uses no partition at all, and claims none as its own, until the others are gone.
 */
export class Layout {
  readonly #partitions: number;
  readonly #disputed = new Set<number>();

  /** `partitions`: 0 for a server that is no cluster. */
  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  /** What a tail says about it: the number, negative while it only looks. */
  get claim(): number {
    return this.#disputed.size === 0 ? this.#partitions : -this.#partitions;
  }

  /**
   * Takes in what partition `index` remembers; `undefined` for nothing to the contrary.
   *
   * @throws {CacheError} `CONFIG_CONFLICT` when that is another number, `REMOTE_UNAVAILABLE` when other partitions do
   */
  note(index: number, agreed: number | undefined): void {
    if (agreed === undefined) {
      this.#disputed.delete(index);
      this.check();
      return;
    }
    this.#disputed.add(index);
    const message = `this instance has ${this.#partitions} partitions, a live instance of the cache ${agreed}`;
    const facts = { subject: 'redis.partitions', limit: agreed, actual: this.#partitions };
    throw new CacheError('CONFIG_CONFLICT', message, facts);
  }

  /** @throws {CacheError} `REMOTE_UNAVAILABLE` while the number is disputed */
  check(): void {
    if (this.#disputed.size === 0) return;
    throw new CacheError('REMOTE_UNAVAILABLE', 'live instances of the cache have another number of partitions');
  }
}
