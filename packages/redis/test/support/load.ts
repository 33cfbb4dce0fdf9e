import type { Cache } from 'tierwise';
import { expect, onTestFinished } from 'vitest';
import { monotonicMs, sleep } from '../../../testing/src/clock.ts';
import { type InstanceConfig, keyNames, noCounters } from '../../../testing/src/consistency/contract.ts';
import { InstanceReads } from '../../../testing/src/consistency/instance-reads.ts';
import { InstanceWrites } from '../../../testing/src/consistency/instance-writes.ts';
import { Pacer } from '../../../testing/src/consistency/pacer.ts';
import { Recorder } from '../../../testing/src/consistency/recorder.ts';
import { Truth } from '../../../testing/src/consistency/truth.ts';
import { checkHistory, type HistoryEvent, SeededRandom } from '../../../testing/src/index.ts';
import { until } from './until.ts';

const KEYS = 60;
const READS_PER_SECOND = 150;
const WRITES_PER_SECOND = 20;
const DEADLINE_MS = 8_000;

interface Loaded {
  readonly cache: Cache;
  readonly reads: InstanceReads;
  readonly recorder: Recorder;
  readonly pacers: readonly Pacer[];
}

/**
 * Caches of one name under load, each an instance of its own, with a source of truth: the instances of the consistency
 * run without their processes. `settle` ends the load and holds the whole history against the promises.
 */
export class Load {
  readonly #leaseMs: number;
  readonly #truth = new Truth(Array.from({ length: KEYS }, (_, index) => keyNames(index).key));
  readonly #log: HistoryEvent[] = [];
  readonly #counters = noCounters();
  readonly #complaints: string[] = [];
  readonly #random = new SeededRandom(1);
  readonly #instances: Loaded[] = [];

  constructor(caches: readonly Cache[], leaseMs: number) {
    this.#leaseMs = leaseMs;
    for (const cache of caches) this.add(cache);
    onTestFinished(() => this.#rest());
  }

  /** Another instance, from now on. */
  add(cache: Cache): void {
    this.#instances.push(this.#start(cache, `i${this.#instances.length}`, this.#random));
  }

  /**
   * Ends the load, waits until all is quiet, and expects every promise to have been kept, with nothing staler than
   * `toleranceMs`.
   */
  async settle(toleranceMs: number = this.#leaseMs): Promise<void> {
    this.#rest();
    await until('everything is delivered and every partition coherent', () => this.#isQuiet());
    this.#log.push({ type: 'settled', atMs: monotonicMs(), versions: this.#truth.versions });
    await sleep(toleranceMs + 50);
    for (const { reads } of this.#instances) {
      await Promise.all(Array.from({ length: KEYS }, (_, index) => reads.getOrSet(index, 'final getOrSet')));
    }
    this.#flush();
    const { violations, stuckKeys, examples, reads } = checkHistory(this.#log, { leaseMs: toleranceMs });
    expect({ ...violations, stuckKeys, complaints: this.#complaints }, JSON.stringify(examples[0])).toEqual({
      staleness: 0,
      'own-write': 0,
      linearizable: 0,
      monotonic: 0,
      convergence: 0,
      stuckKeys: [],
      complaints: [],
    });
    expect(this.#counters).toMatchObject({ hung: 0, failed: 0 });
    expect(reads).toBeGreaterThan(100);
  }

  #start(cache: Cache, instance: string, random: SeededRandom): Loaded {
    const recorder = new Recorder(
      ({ events, counters, complaints }) => {
        this.#log.push(...events);
        this.#truth.note(events);
        this.#complaints.push(...complaints);
        this.#counters.hung += counters.hung;
        this.#counters.failed += counters.failed;
      },
      () => ({ sharedHits: 0, sharedStored: 0 }),
    );
    const config: InstanceConfig = {
      instance,
      cacheName: '',
      remote: { url: '' },
      memcachedServers: undefined,
      leaseMs: this.#leaseMs,
      commandTimeoutMs: 0,
      keys: KEYS,
      maxEntries: 0,
      readsPerSecond: READS_PER_SECOND,
      writesPerSecond: WRITES_PER_SECOND,
      seed: 0,
      deadlineMs: DEADLINE_MS,
      sabotage: 'none',
    };
    const parts = { cache, config, recorder };
    const load = async (key: string): Promise<number> => this.#truth.load(key);
    const reads = new InstanceReads({ ...parts, random: random.fork(), load });
    const writes = new InstanceWrites({
      ...parts,
      random: random.fork(),
      commit: async ({ keys, forSet }) => this.#truth.commit(instance, keys, forSet),
      unlock: (keys) => this.#truth.unlock(instance, keys),
    });
    const pacers = [new Pacer(READS_PER_SECOND, () => reads.one()), new Pacer(WRITES_PER_SECOND, () => writes.one())];
    return { cache, reads, recorder, pacers };
  }

  #rest(): void {
    for (const { pacers } of this.#instances) for (const pacer of pacers) pacer.stop();
  }

  #isQuiet(): boolean {
    this.#flush();
    return (
      this.#truth.owed === 0 &&
      this.#instances.every(({ cache, pacers }) => {
        const { state, journaled } = cache.health();
        return state === 'coherent' && journaled === 0 && pacers.every(({ open }) => open === 0);
      })
    );
  }

  #flush(): void {
    for (const { recorder } of this.#instances) recorder.flush();
  }
}
