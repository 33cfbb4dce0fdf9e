import type { Cache } from 'tierwise';
import { after, monotonicMs, sleep } from '../clock.ts';
import type { SeededRandom } from '../random.ts';
import { type InstanceConfig, keyNames, type RunValue } from './contract.ts';
import type { Recorder } from './recorder.ts';

/** Loads take up to this long, in ms… */
const FAST_LOAD_MS = 20;
/** …but this share of them up to twice Δ, within the limit, so that invalidations fall into them. */
const SLOW_SHARE = 0.05;
const MAX_SLOW_LOAD_MS = 3_000;
/** A process that was stopped finds its timers due before the answers that wait for it. */
const GRACE_MS = 250;

const MANY = 4;

/** The reads of an instance, each with its deadline and its place in the log. */
export class InstanceReads {
  readonly #cache: Cache;
  readonly #config: InstanceConfig;
  readonly #random: SeededRandom;
  readonly #recorder: Recorder;
  readonly #load: (key: string) => Promise<number>;

  constructor(parts: {
    cache: Cache;
    config: InstanceConfig;
    random: SeededRandom;
    recorder: Recorder;
    load: (key: string) => Promise<number>;
  }) {
    this.#cache = parts.cache;
    this.#config = parts.config;
    this.#random = parts.random;
    this.#recorder = parts.recorder;
    this.#load = parts.load;
  }

  /** One read of a random kind. Never rejects. */
  one(): Promise<void> {
    const index = this.#random.below(this.#config.keys);
    const dice = this.#random.next();
    if (dice < 0.8) return this.getOrSet(index, 'getOrSet');
    const { key } = keyNames(index);
    if (dice < 0.88) return this.#timed('get', [key], async () => [await this.#cache.get<RunValue>(key)]);
    if (dice < 0.94) return this.#timed('peek', [key], async () => [this.#cache.peek<RunValue>(key)]);
    const keys = Array.from({ length: MANY }, (_, i) => keyNames((index + i) % this.#config.keys).key);
    return this.#timed('getMany', keys, () => this.#cache.getMany<RunValue>(keys));
  }

  /** Never rejects. */
  getOrSet(index: number, via: string): Promise<void> {
    const { key, tags } = keyNames(index);
    return this.#timed(via, [key], async () => [await this.#cache.getOrSet(key, () => this.#slowLoad(key), { tags })]);
  }

  async #slowLoad(key: string): Promise<RunValue> {
    const loadBeganMs = monotonicMs();
    const random = this.#random;
    this.#recorder.counters.loads++;
    const slowestMs = random.chance(SLOW_SHARE) ? Math.min(2 * this.#config.leaseMs, MAX_SLOW_LOAD_MS) : FAST_LOAD_MS;
    const wholeMs = random.between(0, slowestMs);
    const beforeMs = random.between(0, wholeMs);
    await sleep(beforeMs);
    const version = await this.#load(key);
    await sleep(wholeMs - beforeMs);
    return { version, loadBeganMs };
  }

  async #timed(via: string, keys: readonly string[], run: () => Promise<(RunValue | undefined)[]>): Promise<void> {
    const { counters } = this.#recorder;
    const { instance, deadlineMs } = this.#config;
    counters.reads++;
    const beganMs = monotonicMs();
    let cancel = after(deadlineMs, () => {
      cancel = after(GRACE_MS, () => {
        this.#recorder.counters.hung++;
        this.#recorder.complain(`${instance}: ${via} of ${keys[0]} was not answered within ${deadlineMs} ms`);
      });
    });
    try {
      const values = await run();
      const endedMs = monotonicMs();
      this.#recorder.counters.maxReadMs = Math.max(this.#recorder.counters.maxReadMs, endedMs - beganMs);
      for (const [i, value] of values.entries()) {
        if (value === undefined) this.#recorder.counters.misses++;
        else this.#recorder.add({ type: 'read', instance, key: keys[i] as string, ...value, beganMs, endedMs, via });
      }
    } catch (error) {
      this.#recorder.counters.failed++;
      this.#recorder.complain(`${instance}: ${via} of ${keys[0]} failed: ${String(error)}`);
    } finally {
      cancel();
    }
  }
}
