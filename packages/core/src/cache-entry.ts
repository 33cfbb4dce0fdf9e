/** A found entry with where it came from and how old it is. */
export interface CacheEntry<V = unknown> {
  readonly value: V;
  /** `memory`, or the kind of the shared layer that answered, for example `redis`; not its name in `stores`. */
  readonly layer: string;
  /** Milliseconds since the moment as of which the value is known to have been current. */
  readonly ageMs: number;
  /** Milliseconds until it expires in the memory of this instance; `undefined` for never. */
  readonly expiresInMs: number | undefined;
  readonly tags: readonly string[];
}
