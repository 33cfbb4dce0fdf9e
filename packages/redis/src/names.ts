import { unscoped } from 'tierwise/driver';

/** The three keys of a partition's state, in the order scripts take them. */
export type StateKeys = readonly [meta: string, fence: string, log: string];

/**
 * Names in Redis, readable to a person: entry `user:7` of cache `shop` is `shop:user:7`, in namespace `eu` it is
 * `shop/eu:user:7`. State is `shop#meta`, `shop#fence`, `shop#log`; a cache name holds none of `: / #`, so the two never
 * meet.
 *
 * On a cluster each partition is one hash tag: `{shop.3}:user:7`, `{shop.3}#meta`.
 */
export class Names {
  readonly state: StateKeys;
  /** Pub/sub ignores database numbers, so the number is part of the name. */
  readonly channel: string;
  readonly #base: string;

  constructor(options: { cacheName: string; keyPrefix: string; database: number; partition: number | undefined }) {
    const { cacheName, keyPrefix, database, partition } = options;
    this.#base = keyPrefix + (partition === undefined ? cacheName : `{${cacheName}.${partition}}`);
    this.state = [`${this.#base}#meta`, `${this.#base}#fence`, `${this.#base}#log`];
    this.channel = `${this.#base}#bus:${database}`;
  }

  /** The Redis key of a scoped key. */
  entry(scopedKey: string): string {
    const { path, key } = unscoped(scopedKey);
    return path === '' ? `${this.#base}:${key}` : `${this.#base}/${path}:${key}`;
  }
}
