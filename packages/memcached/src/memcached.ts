import type { CacheError, PlainLayer, PlainLayerContext, PlainRead, PlainStore, PlainWrite } from 'tierwise/driver';
import { expirySeconds } from './expiry.ts';
import { decodeItem, encodeItem, maxValueBytes } from './item.ts';
import { serverName } from './names.ts';
import { type MemcachedOptions, type ResolvedMemcachedOptions, resolveMemcachedOptions } from './options.ts';
import { Ring } from './ring.ts';
import { ServerLink } from './server-link.ts';

/** Names of one call: as many commands are under way at a time, each with its own packet. */
const MAX_BATCH = 200;

/**
 * Memcached as a shared layer beside the coherence authority, for values that may be lost at any time. Takes one connection
 * to each server.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`
 */
export function memcached(options: MemcachedOptions): PlainLayer {
  const resolved = resolveMemcachedOptions(options);
  return { name: 'memcached', connect: (context) => new MemcachedStore(resolved, context) };
}

/** One cache's values on all servers. Each server is a part: one that is away fails its own names and nobody else's. */
class MemcachedStore implements PlainStore {
  readonly limits: PlainStore['limits'];
  readonly #context: PlainLayerContext;
  readonly #links: readonly ServerLink[];
  readonly #ring: Ring<{ readonly part: number; readonly text: string; readonly link: ServerLink }>;

  constructor(options: ResolvedMemcachedOptions, context: PlainLayerContext) {
    const { addresses, maxItemBytes, ...common } = options;
    const { clock, onError, onRecovered } = context;
    this.#context = context;
    this.limits = {
      maxBatch: MAX_BATCH,
      maxValueBytes: maxValueBytes(maxItemBytes),
      parts: addresses.length,
    };
    const servers = addresses.map((address, part) => ({
      part,
      text: address.text,
      link: new ServerLink({ ...common, address, clock, onLost: onError, onBack: () => onRecovered(address.text) }),
    }));
    this.#links = servers.map(({ link }) => link);
    this.#ring = new Ring(servers, ({ text }) => text);
  }

  partOf(name: string): number {
    return this.#ring.serverOf(serverName(this.#context.cacheName, name).text).part;
  }

  async read(names: readonly string[]): Promise<readonly PlainRead[]> {
    const stored = names.map((name) => serverName(this.#context.cacheName, name));
    return this.#spread(
      stored.map(({ text }) => text),
      async (link, indexes) => {
        const items = await link.get(indexes.map((index) => stored[index]!.text));
        return items.map((item, i) => (Buffer.isBuffer(item) ? decodeItem(stored[indexes[i]!]!, item) : item));
      },
    );
  }

  async write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]> {
    const nowMs = this.#context.clock.wallMs();
    const items = writes.map(({ name, bytes, ttlMs }) => {
      const stored = serverName(this.#context.cacheName, name);
      return { name: stored.text, value: encodeItem(stored, bytes), expires: expirySeconds(ttlMs, nowMs) };
    });
    return this.#spread(
      items.map(({ name }) => name),
      (link, indexes) => link.set(indexes.map((index) => items[index]!)),
    );
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.close();
  }

  /** Runs one call a server, and puts the outcomes into the order of the names. */
  async #spread<O>(
    names: readonly string[],
    call: (link: ServerLink, indexes: readonly number[]) => Promise<readonly O[]>,
  ): Promise<O[]> {
    const byLink = new Map<ServerLink, number[]>();
    for (const [index, name] of names.entries()) {
      const { link } = this.#ring.serverOf(name);
      const own = byLink.get(link);
      if (own === undefined) byLink.set(link, [index]);
      else own.push(index);
    }
    const outcomes: O[] = new Array(names.length);
    await Promise.all(
      [...byLink].map(async ([link, indexes]) => {
        const part = await call(link, indexes);
        for (const [i, index] of indexes.entries()) outcomes[index] = part[i] as O;
      }),
    );
    return outcomes;
  }
}
