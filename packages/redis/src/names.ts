/** The three keys of a partition's state, in the order scripts take them. */
export type StateKeys = readonly [meta: string, fence: string, log: string];

/**
 * Names in Redis, readable to a person: entry `user:7` of cache `shop` is `shop:user:7`, in namespace `eu` it is
 * `shop/eu:user:7`. State is `shop#meta`, `shop#fence`, `shop#log`, `shop#members`; a cache name holds none of `: / #`, so the two never
 * meet.
 *
 * On a cluster each partition is one hash tag: `{shop.3}:user:7`, `{shop.3}#meta`.
 */
export class Names {
  readonly state: StateKeys;
  /** Hash of registered instances. */
  readonly members: string;
  /** Pub/sub ignores database numbers, so the number is part of the name. */
  readonly channel: string;
  readonly #base: string;

  constructor(options: { cacheName: string; keyPrefix: string; database: number; partition: number | undefined }) {
    const { cacheName, keyPrefix, database, partition } = options;
    this.#base = keyPrefix + (partition === undefined ? cacheName : `{${cacheName}.${partition}}`);
    this.state = [`${this.#base}#meta`, `${this.#base}#fence`, `${this.#base}#log`];
    this.members = `${this.#base}#members`;
    this.channel = `${this.#base}#bus:${database}`;
  }

  /** The Redis key of a scoped key; of a scoped prefix, the prefix of the Redis keys it covers. */
  entry(scopedKey: string): string {
    if (scopedKey.charCodeAt(0) !== 0) return `${this.#base}:${scopedKey}`;
    return scopedKey.charCodeAt(1) === COLON ? this.#base + scopedKey.slice(1) : `${this.#base}/${scopedKey.slice(1)}`;
  }

  /** The scoped key of a Redis key; `undefined` when it is none of this partition's entries. */
  scoped(name: string): string | undefined {
    if (!name.startsWith(this.#base)) return undefined;
    const rest = name.slice(this.#base.length);
    if (rest.startsWith('/')) return `\0${rest.slice(1)}`;
    if (!rest.startsWith(':')) return undefined;
    return rest.charCodeAt(1) === 0 ? `\0${rest}` : rest.slice(1);
  }

  /** A glob for SCAN that finds at least all Redis keys whose scoped key matches `pattern`. */
  scanGlob(pattern: string): string {
    // Redis counts bytes where a pattern counts characters, and knows classes, which patterns have not.
    const isScoped = pattern.charCodeAt(0) === 0;
    const body = (isScoped ? pattern.slice(1) : pattern).replaceAll(/\\?[\s\S]/g, (token) => {
      if (token === '?') return '*';
      return token === '[' || token === ']' ? `\\${token}` : token;
    });
    const separator = !isScoped ? ':' : body.startsWith(':') ? '' : '/';
    return this.#base.replaceAll(/[*?[\]\\]/g, '\\$&') + separator + body;
  }
}

const COLON = 0x3a;
