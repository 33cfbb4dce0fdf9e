import { setTimeout as sleep } from 'node:timers/promises';
import type { AppStats } from '../app.ts';
import { createRandom, integer, type Random } from '../random.ts';
import type { ChangeAnswer } from '../routes/changes.ts';
import type { BuiltFrom } from '../versions.ts';
import { type Address, type Answer, HttpClient } from './http-client.ts';
import { type InstanceMeasurements, Measurements } from './measurements.ts';
import { StalenessMeter } from './staleness-meter.ts';
import { createChanges, createReads, type PlannedChange, type PlannedRead } from './workload.ts';

/** Requests under way at most. */
const CONCURRENCY = 6;

/** Part of the requests, chosen at random, that goes straight to the database for comparison. */
const BYPASS_SHARE = 0.04;

const CHANGE_EVERY_MS = 300;

/** How far behind its schedule the load may fall before the schedule starts over. */
const MAX_LAG_MS = 50;

/** What load is put on. */
export interface LoadTargets {
  readonly instances: readonly (Address & { readonly name: string })[];
  /** Requests a second, all together. */
  readonly maxPerSecond: number;
}

interface Target {
  readonly client: HttpClient;
  readonly measured: InstanceMeasurements;
}

/** Load on all instances: a fixed number of workers that read, and one that changes. */
export class LoadGenerator {
  readonly measurements: Measurements;
  readonly #targets: readonly Target[];
  readonly #staleness = new StalenessMeter();
  readonly #random: Random;
  readonly #nextRead: () => PlannedRead;
  readonly #nextChange: () => PlannedChange;
  readonly #maxPerSecond: number;
  readonly #stop: AbortSignal;
  #slotMs = 0;

  /** `stop` ends the load at once; what fails after it is not counted. */
  constructor({ instances, maxPerSecond }: LoadTargets, seed: number, stop: AbortSignal) {
    this.measurements = new Measurements(instances.map(({ name }) => name));
    this.#targets = instances.map((instance, index) => ({
      client: new HttpClient(instance),
      measured: this.measurements.instances[index] as InstanceMeasurements,
    }));
    this.#random = createRandom(seed + 1);
    this.#nextRead = createReads(seed);
    this.#nextChange = createChanges(seed);
    this.#maxPerSecond = maxPerSecond;
    this.#stop = stop;
    stop.addEventListener('abort', () => this.close(), { once: true });
  }

  /** Resolves when every instance answers from a cache that knows it is coherent. */
  async waitUntilCoherent(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    for (const { client, measured } of this.#targets) {
      while (!(await isCoherent(client))) {
        if (performance.now() > deadlineMs) throw new Error(`instance ${measured.name} does not become coherent`);
        await sleep(20);
      }
    }
  }

  /** Generates load for a time and resolves when the last answer is here. */
  async run(seconds: number): Promise<void> {
    const endMs = performance.now() + seconds * 1000;
    const workers = Array.from({ length: CONCURRENCY }, () => this.#readUntil(endMs));
    await Promise.all([...workers, this.#changeUntil(endMs)]);
  }

  /** Asks every instance for its counters. */
  async refreshStats(): Promise<void> {
    await Promise.all(
      this.#targets.map(async ({ client, measured }) => {
        const answer = await client.send('/stats').catch(() => undefined);
        if (answer?.status === 200) measured.stats = answer.body as AppStats;
      }),
    );
  }

  close(): void {
    for (const { client } of this.#targets) client.close();
  }

  async #readUntil(endMs: number): Promise<void> {
    while (!this.#stop.aborted && performance.now() < endMs) {
      await this.#nextSlot();
      await this.#read(this.#anyTarget(), this.#nextRead(), this.#random() < BYPASS_SHARE);
    }
  }

  async #changeUntil(endMs: number): Promise<void> {
    while (!this.#stop.aborted && performance.now() < endMs) {
      await this.#change(this.#anyTarget(), this.#nextChange());
      await sleep(CHANGE_EVERY_MS, undefined, { signal: this.#stop }).catch(() => {});
    }
  }

  async #read({ client, measured }: Target, { route, path }: PlannedRead, bypass: boolean): Promise<void> {
    const answer = await this.#answerOf(client.send(path, bypass ? { headers: { 'x-cache': 'bypass' } } : {}), path);
    if (answer === undefined) return;
    const tookMs = answer.endedMs - answer.beganMs;
    if (bypass) {
      this.measurements.recordBypass(measured, route, tookMs, Number(answer.headers['x-queries']));
    } else {
      const { builtFrom } = answer.body as { builtFrom: BuiltFrom };
      this.measurements.recordCached(measured, route, tookMs, this.#staleness.ageMs(builtFrom, answer.beganMs));
    }
  }

  /** Changes something through one instance; once that is acknowledged, asks all others for it at once. */
  async #change(target: Target, { kind, path, body, shownOn }: PlannedChange): Promise<void> {
    const answer = await this.#answerOf(target.client.send(path, { method: 'PATCH', body }), path);
    if (answer === undefined) return;
    const { changed, delivered } = answer.body as ChangeAnswer;
    this.measurements.changes[kind] += 1;
    if (delivered) this.#staleness.acknowledge(changed, answer.endedMs);
    else this.measurements.changes.undelivered += 1;
    const others = this.#targets.filter((other) => other !== target);
    await Promise.all(others.map((other) => this.#read(other, shownOn, false)));
  }

  async #answerOf(pending: Promise<Answer>, path: string): Promise<Answer | undefined> {
    try {
      const answer = await pending;
      if (answer.status === 200) return answer;
      throw new Error(`status ${answer.status}`);
    } catch (error) {
      if (!this.#stop.aborted) this.measurements.recordFailure(`${path}: ${(error as Error).message}`);
      return undefined;
    }
  }

  #anyTarget(): Target {
    return this.#targets[integer(this.#random, 0, this.#targets.length - 1)] as Target;
  }

  /** Waits for the next place in a schedule that all workers share. */
  async #nextSlot(): Promise<void> {
    const nowMs = performance.now();
    this.#slotMs = Math.max(this.#slotMs + 1000 / this.#maxPerSecond, nowMs - MAX_LAG_MS);
    if (this.#slotMs > nowMs) await sleep(this.#slotMs - nowMs);
  }
}

async function isCoherent(client: HttpClient): Promise<boolean> {
  const answer = await client.send('/health').catch(() => undefined);
  return (answer?.body as { cache?: { state?: string } } | undefined)?.cache?.state === 'coherent';
}
