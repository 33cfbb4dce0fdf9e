import { expect, onTestFinished } from 'vitest';
import { type Cache, createCache } from '../../src/cache.ts';
import type { CacheOptions } from '../../src/options.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { Hub, type ScriptedOptions, ScriptedRemote } from './scripted-remote.ts';

/** Δ of the caches that tests create. */
export const LEASE_MS = 2_000;
/** Between two tails. */
export const BEAT_MS = Math.floor(LEASE_MS / 3);
/** Certainly longer ago than a proof or youth reaches. */
export const PAST_LEASE_MS = LEASE_MS + 100;

export interface Instance {
  readonly cache: Cache;
  readonly remote: ScriptedRemote;
  readonly clock: FakeClock;
  readonly hub: Hub;
}

export interface InstanceOptions extends Partial<Omit<CacheOptions, 'remote' | 'clock'>> {
  readonly hub?: Hub;
  readonly clock?: FakeClock;
  readonly remote?: ScriptedOptions;
}

/** A cache on a scripted remote, not yet connected; closed when the test ends. */
export function startInstance(options: InstanceOptions = {}): Instance {
  const { hub = new Hub(), clock = new FakeClock(), remote: scripted, ...rest } = options;
  const remote = new ScriptedRemote(hub, scripted);
  const cache = createCache({ name: 'test', ttl: '1h', memory: { maxEntries: 1_000 }, ...rest, remote, clock });
  onTestFinished(async () => {
    await cache.close();
  });
  return { cache, remote, clock, hub };
}

/** A cache on a scripted remote, connected and proved. */
export async function openInstance(options: InstanceOptions = {}): Promise<Instance> {
  const instance = startInstance(options);
  await instance.cache.ready();
  await settled();
  return instance;
}

/** Several instances of one cache on one hub and one clock. */
export async function openInstances(
  count: number,
  options: InstanceOptions = {},
): Promise<[Instance, Instance, ...Instance[]]> {
  const hub = options.hub ?? new Hub();
  const clock = options.clock ?? new FakeClock();
  const list = await Promise.all(Array.from({ length: count }, () => openInstance({ ...options, hub, clock })));
  return list as [Instance, Instance, ...Instance[]];
}

/** Nothing is left over from finished work. */
export function expectIdle(...instances: readonly Instance[]): void {
  for (const { cache, remote } of instances) {
    expect(remote.partition.view.activity.keys).toBe(0);
    expect(cache.stats().loads.running).toBe(0);
  }
}

/** Every one of the instances holds `key` in memory. */
export async function warm(
  instances: readonly Instance[],
  key: string,
  value: unknown,
  tags: string[] = [],
): Promise<void> {
  for (const { cache } of instances) {
    await cache.getOrSet(key, () => value, { tags });
    await settled();
    expect(cache.peek(key)).toBe(value);
  }
}

/** A loader under the test's control: each run waits until it is answered. */
export class ControlledLoader<V = unknown> {
  readonly runs: { resolve(value: V): void; reject(reason: unknown): void; readonly signal: AbortSignal }[] = [];

  readonly load = ({ signal }: { signal: AbortSignal }): Promise<V> =>
    new Promise<V>((resolve, reject) => this.runs.push({ resolve, reject, signal }));

  get calls(): number {
    return this.runs.length;
  }

  /** Answers the run with this index, the first by default. */
  answer(value: V, index = 0): void {
    const run = this.runs[index];
    if (run === undefined) throw new Error(`there is no run ${index}`);
    run.resolve(value);
  }
}
