import { type Cache, CacheError } from 'tierwise';
import { matchesGlob } from 'tierwise/driver';
import { every, monotonicMs, sleep } from '../clock.ts';
import type { SeededRandom } from '../random.ts';
import {
  AREAS,
  GROUPS,
  type InstanceConfig,
  KINDS,
  keyNames,
  type Orphans,
  type RunCalls,
  type RunValue,
} from './contract.ts';
import type { Recorder } from './recorder.ts';

/** How often it is looked at whether the journal was delivered, in ms. */
const JOURNAL_POLL_MS = 10;
/** A commit under a fence takes up to this long, in ms. */
const MAX_COMMIT_MS = 20;
/** A process that is killed inside leaves its fence for this long. */
const FENCE = '2s';

/** One way to forget: what it covers, and the call. */
interface Invalidation {
  readonly via: string;
  readonly keys: readonly string[];
  run(): Promise<{ readonly delivered: boolean }>;
}

interface Undelivered extends Orphans {
  readonly beganMs: number;
  readonly via: string;
}

type Commit = (request: Parameters<RunCalls['commit']>[0]) => Promise<readonly number[] | undefined>;

/** The writes of an instance: a commit in the source of truth, then the call that makes the caches follow. */
export class InstanceWrites {
  readonly #cache: Cache;
  readonly #config: InstanceConfig;
  readonly #random: SeededRandom;
  readonly #recorder: Recorder;
  readonly #commit: Commit;
  readonly #unlock: (keys: readonly string[]) => void;
  #undelivered: Undelivered[] = [];

  constructor(parts: {
    cache: Cache;
    config: InstanceConfig;
    random: SeededRandom;
    recorder: Recorder;
    commit: Commit;
    unlock: (keys: readonly string[]) => void;
  }) {
    this.#cache = parts.cache;
    this.#config = parts.config;
    this.#random = parts.random;
    this.#recorder = parts.recorder;
    this.#commit = parts.commit;
    this.#unlock = parts.unlock;
    every(JOURNAL_POLL_MS, () => this.#lookAtJournal());
  }

  /** One write of a random kind. Never rejects. */
  async one(): Promise<void> {
    try {
      const dice = this.#random.next();
      if (dice < 0.2) await this.#set();
      else if (dice < 0.3) await this.#mutate();
      else await this.#invalidate(this.#pick());
    } catch (error) {
      this.#recorder.counters.failed++;
      this.#recorder.complain(`${this.#config.instance}: a write failed: ${String(error)}`);
    }
  }

  /** Invalidates what another process committed and did not live to invalidate. */
  async deliver({ keys, versions }: Orphans): Promise<void> {
    if (keys.length === 0) return;
    await this.#record('deleteMany for a dead process', keys, versions, () => this.#cache.deleteMany(keys));
  }

  async #set(): Promise<void> {
    const { key, tags } = keyNames(this.#random.below(this.#config.keys));
    const versions = await this.#commit({ keys: [key], forSet: true });
    if (versions === undefined) return;
    const [version = 0] = versions;
    const beganMs = monotonicMs();
    const value: RunValue = { version, loadBeganMs: beganMs };
    try {
      this.#recorder.counters.writes++;
      // Half of them versioned, where versions can be compared: a writer that holds the lock always has the highest.
      const isVersioned = this.#random.chance(0.5) && this.#config.memcachedServers === undefined;
      const options = isVersioned ? { tags, version } : { tags };
      const { delivered } = await this.#cache.set(key, value, options);
      const { instance } = this.#config;
      const endedMs = monotonicMs();
      this.#recorder.add({ type: 'set', instance, key, version, beganMs, endedMs, delivered });
      if (!delivered) this.#undelivered.push({ keys: [key], versions, beganMs, via: 'set, journaled' });
    } finally {
      this.#unlock([key]);
    }
  }

  /** A commit under closed fences; in force everywhere at once when it says so. */
  async #mutate(): Promise<void> {
    const { key } = keyNames(this.#random.below(this.#config.keys));
    const consistency = this.#random.chance(0.4) ? 'linearizable' : 'bounded';
    let versions: readonly number[] | undefined;
    let beganMs = 0;
    const commit = async (): Promise<void> => {
      await sleep(this.#random.between(0, MAX_COMMIT_MS));
      versions = await this.#commit({ keys: [key], forSet: false });
      // The invalidation follows from here on.
      beganMs = monotonicMs();
    };
    try {
      this.#recorder.counters.writes++;
      const result = await this.#cache.mutate({ keys: [key] }, commit, { consistency, fence: FENCE });
      const { delivered, linearized } = result;
      const endedMs = monotonicMs();
      const { instance } = this.#config;
      const told = { keys: [key], ...(versions !== undefined && { versions }) };
      const via = `mutate, ${consistency}`;
      this.#recorder.add({ type: 'invalidate', instance, ...told, beganMs, endedMs, delivered, linearized, via });
      if (!delivered && versions !== undefined) {
        this.#undelivered.push({ keys: [key], versions, beganMs, via: 'mutate, journaled' });
      }
    } catch (error) {
      if (!CacheError.is(error) || error.code !== 'FENCE_UNAVAILABLE') throw error;
      this.#recorder.counters.refused++;
    }
  }

  async #invalidate({ via, keys, run }: Invalidation): Promise<void> {
    const versions = await this.#commit({ keys, forSet: false });
    if (versions !== undefined) await this.#record(via, keys, versions, run);
  }

  async #record(
    via: string,
    keys: readonly string[],
    versions: readonly number[],
    run: Invalidation['run'],
  ): Promise<void> {
    const { instance } = this.#config;
    this.#recorder.counters.writes++;
    const beganMs = monotonicMs();
    const { delivered } = await run();
    const endedMs = monotonicMs();
    this.#recorder.add({ type: 'invalidate', instance, keys, versions, beganMs, endedMs, delivered, via });
    if (!delivered) this.#undelivered.push({ keys, versions, beganMs, via: `${via}, journaled` });
  }

  #pick(): Invalidation {
    const cache = this.#cache;
    const random = this.#random;
    const dice = random.next();
    const index = random.below(this.#config.keys);
    const { key } = keyNames(index);
    if (dice < 0.6) return { via: 'delete', keys: [key], run: () => cache.delete(key) };
    if (dice < 0.75) {
      const keys = [...new Set([key, keyNames(random.below(this.#config.keys)).key])];
      return { via: 'deleteMany', keys, run: () => cache.deleteMany(keys) };
    }
    if (dice < 0.9) return this.#tags();
    if (dice < 0.92) {
      const pattern = `area:*:item:${random.below(10)}*`;
      const keys = this.#keysWhere((names) => matchesGlob(pattern, names.key));
      return { via: `invalidatePattern ${pattern}`, keys, run: () => cache.invalidatePattern(pattern) };
    }
    if (dice < 0.97) {
      const prefix = `area:${random.below(AREAS)}:`;
      const keys = this.#keysWhere((names) => names.prefix === prefix);
      return { via: `invalidatePrefix ${prefix}`, keys, run: () => cache.invalidatePrefix(prefix) };
    }
    return { via: 'clear', keys: this.#keysWhere(() => true), run: () => cache.clear() };
  }

  #tags(): Invalidation {
    const random = this.#random;
    const tag = random.chance(0.5) ? `group:${random.below(GROUPS)}` : `kind:${random.below(KINDS)}`;
    const keys = this.#keysWhere(({ tags }) => tags.includes(tag));
    return { via: `invalidateTags ${tag}`, keys, run: () => this.#cache.invalidateTags([tag]) };
  }

  #keysWhere(isMeant: (names: ReturnType<typeof keyNames>) => boolean): string[] {
    return Array.from({ length: this.#config.keys }, (_, index) => keyNames(index))
      .filter(isMeant)
      .map(({ key }) => key);
  }

  /** What was journaled counts as delivered from the moment that nothing is journaled any more. */
  #lookAtJournal(): void {
    if (this.#undelivered.length === 0 || this.#cache.health().journaled > 0) return;
    const { instance } = this.#config;
    const endedMs = monotonicMs();
    for (const { keys, versions, beganMs, via } of this.#undelivered) {
      this.#recorder.add({ type: 'invalidate', instance, keys, versions, beganMs, endedMs, delivered: true, via });
    }
    this.#undelivered = [];
  }
}
