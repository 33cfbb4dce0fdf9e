import { after, monotonicMs, nowIso, sleep } from '../clock.ts';
import { checkHistory } from '../history/check-history.ts';
import type { HistoryEvent } from '../history/events.ts';
import { SeededRandom } from '../random.ts';
import { ClusterLab } from './cluster-lab.ts';
import { type Counters, keyNames, noCounters } from './contract.ts';
import { FAULTS, type FaultContext, type FaultName } from './faults.ts';
import { Fleet } from './fleet.ts';
import type { Lab } from './lab.ts';
import type { Launchers } from './launcher.ts';
import { MemcachedSide } from './memcached-side.ts';
import type { RunOptions } from './options.ts';
import { PropagationProbe } from './propagation.ts';
import { breaches, type FaultRecord, omissions, plotPoints, type RunReport } from './report.ts';
import { ServerLab } from './server-lab.ts';
import { Truth } from './truth.ts';

/** What a run shows while it goes on. */
export interface RunProgress {
  readonly name: string;
  readonly elapsedMs: number;
  readonly loadMs: number;
  readonly counters: Readonly<Counters>;
  readonly phase: 'load' | 'settling' | 'checking';
  /** The fault at work. */
  readonly fault: FaultName | undefined;
}

export interface RunContext {
  readonly launch: Launchers;
  /** Ends the run; it rejects then, after everything it started is gone. */
  readonly signal: AbortSignal;
  onProgress(progress: RunProgress): void;
  /** The whole log, once it is complete. */
  onLog(log: readonly HistoryEvent[]): Promise<void>;
}

const SETTLE_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const PROGRESS_MS = 250;
/** After Δ: timers and processes are late under load. */
const SETTLE_MARGIN_MS = 100;
/** Events of one run; the load ends when they are full. */
const MAX_EVENTS = 3_000_000;
const MAX_COMPLAINTS = 20;
/** A program that cannot run is not started again and again. */
const MAX_CRASHES = 10;

const ADDED_UP = [
  ...(['reads', 'misses', 'loads', 'writes', 'refused', 'hung', 'failed'] as const),
  ...(['sharedHits', 'sharedStored'] as const),
] satisfies readonly (keyof Counters)[];

/** One run: load and faults for a while, then peace, then the check. */
export class Run {
  readonly #options: RunOptions;
  readonly #name: string;
  readonly #faults: readonly FaultName[];
  readonly #context: RunContext;
  readonly #random: SeededRandom;
  readonly #truth: Truth;
  readonly #probe = new PropagationProbe();
  readonly #log: HistoryEvent[] = [];
  readonly #counters: Counters = noCounters();
  readonly #complaints: string[] = [];
  readonly #crashes: string[] = [];
  readonly #done: FaultRecord[] = [];
  readonly #cacheName: string;
  #beganMs = 0;
  #phase: RunProgress['phase'] = 'load';
  #fault: FaultName | undefined;

  constructor(options: RunOptions, run: RunOptions['runs'][number], context: RunContext) {
    this.#options = options;
    this.#name = run.name;
    this.#faults = run.faults.filter((name) => name !== 'none');
    this.#context = context;
    this.#random = new SeededRandom(options.seed);
    this.#truth = new Truth(Array.from({ length: options.keys }, (_, index) => keyNames(index).key));
    // A Redis of somebody else may still hold the keys of an earlier run.
    this.#cacheName = `consistency-${process.pid}-${Math.floor(monotonicMs())}`;
  }

  async go(): Promise<RunReport> {
    const { instances } = this.#options;
    const startedAt = nowIso();
    const lab = await this.#openLab();
    const memcached = await this.#openMemcached().catch(async (error: unknown) => {
      await lab.close();
      throw error;
    });
    const fleet = this.#fleet(lab, memcached);
    const end = new AbortController();
    const stop = AbortSignal.any([end.signal, this.#context.signal]);
    try {
      await fleet.start(instances);
      await this.#work(lab, memcached, fleet, stop);
      end.abort();
      await this.#settle(fleet);
      this.#context.signal.throwIfAborted();
      return await this.#check(startedAt);
    } finally {
      end.abort();
      await fleet.stop();
      await Promise.all([lab.close(), memcached?.close()]);
    }
  }

  #openLab(): Promise<ServerLab | ClusterLab> {
    const { instances, redisUrl: url, partitions, seed } = this.#options;
    const launch = this.#context.launch.redis;
    if (partitions !== undefined) {
      return ClusterLab.open({ launch, instances, partitions, random: this.#random.fork() });
    }
    return ServerLab.open({ launch, url, withReplica: this.#faults.includes('failover'), instances, seed });
  }

  async #openMemcached(): Promise<MemcachedSide | undefined> {
    const { store, instances, seed } = this.#options;
    if (store !== 'memcached') return undefined;
    return MemcachedSide.open({ launch: this.#context.launch.memcached, instances, seed: seed + instances });
  }

  #fleet(lab: Lab, memcached: MemcachedSide | undefined): Fleet {
    const { leaseMs, commandTimeoutMs, keys, readsPerSecond, writesPerSecond, deadlineMs, seed, sabotage } =
      this.#options;
    return new Fleet({
      truth: this.#truth,
      configOf: (index, incarnation) => ({
        instance: incarnation === 1 ? `i${index}` : `i${index}.${incarnation}`,
        cacheName: this.#cacheName,
        remote: lab.remoteOf(index),
        memcachedServers: memcached?.serversOf(index),
        leaseMs,
        commandTimeoutMs,
        keys,
        // Memory never holds everything, so that the shared layer is read throughout.
        maxEntries: Math.max(1, Math.ceil(keys * 0.75)) + 8,
        readsPerSecond,
        writesPerSecond,
        seed: seed + 1_000 * incarnation + index,
        deadlineMs,
        // One broken instance is enough, and shows best beside others that are not.
        sabotage: index === 0 ? sabotage : 'none',
      }),
      onReport: ({ events, counters, complaints }) => {
        if (this.#log.length + events.length <= MAX_EVENTS) this.#log.push(...events);
        this.#truth.note(events);
        for (const complaint of complaints) this.#complain(complaint);
        this.#counters.maxReadMs = Math.max(this.#counters.maxReadMs, counters.maxReadMs);
        for (const name of ADDED_UP) {
          this.#counters[name] += counters[name];
        }
      },
      onCrash: (description) => {
        this.#crashes.push(description);
        return this.#crashes.length < MAX_CRASHES;
      },
    });
  }

  async #work(
    lab: ServerLab | ClusterLab,
    memcached: MemcachedSide | undefined,
    fleet: Fleet,
    stop: AbortSignal,
  ): Promise<void> {
    const { durationMs, leaseMs, keys } = this.#options;
    this.#beganMs = monotonicMs();
    const random = this.#random.fork();
    const rest = new AbortController();
    const probing = this.#probe.run(fleet, this.#random.fork(), leaseMs, rest.signal);
    const server = lab instanceof ServerLab ? lab : undefined;
    const cluster = lab instanceof ClusterLab ? lab : undefined;
    const cacheName = this.#cacheName;
    const context: FaultContext = { lab, server, cluster, memcached, fleet, random, leaseMs, cacheName, keys };
    const isOver = (): boolean =>
      stop.aborted ||
      this.#elapsedMs() >= durationMs ||
      this.#log.length >= 0.95 * MAX_EVENTS ||
      this.#crashes.length >= MAX_CRASHES;
    const disturbing = this.#disturb(context, isOver);
    while (!isOver()) {
      this.#tell();
      await sleep(PROGRESS_MS);
    }
    rest.abort();
    await disturbing;
    await probing;
  }

  /** One fault after the other, with pauses in between. */
  async #disturb(context: FaultContext, isOver: () => boolean): Promise<void> {
    while (this.#faults.length > 0 && !isOver()) {
      await sleep(context.random.between(200, 1_000));
      if (isOver()) return;
      const fault = context.random.pick(this.#faults);
      const fromMs = this.#elapsedMs();
      this.#fault = fault;
      const done = await FAULTS[fault].run(context).then(
        (detail) => ({ isDone: true, detail }),
        (error: unknown) => {
          this.#complain(`the fault ${fault} could not be done: ${String(error)}`);
          return { isDone: false, detail: 'could not be done' };
        },
      );
      this.#fault = undefined;
      this.#done.push({ fault, ...done, fromMs: Math.round(fromMs), toMs: Math.round(this.#elapsedMs()) });
    }
  }

  /** Ends the load, waits until every commit is followed by a delivered invalidation and Δ has passed, then reads all. */
  async #settle(fleet: Fleet): Promise<void> {
    this.#phase = 'settling';
    await this.#ask(fleet, 'rest');
    const deadlineMs = monotonicMs() + SETTLE_TIMEOUT_MS;
    while (!(await this.#isSettled(fleet))) {
      if (this.#context.signal.aborted || this.#crashes.length >= MAX_CRASHES) return;
      this.#tell();
      await sleep(POLL_MS);
      if (monotonicMs() < deadlineMs) continue;
      this.#crashes.push(`the instances did not settle within ${SETTLE_TIMEOUT_MS} ms of peace`);
      break;
    }
    this.#log.push({ type: 'settled', atMs: monotonicMs(), versions: this.#truth.versions });
    await sleep(this.#options.leaseMs + SETTLE_MARGIN_MS);
    await this.#ask(fleet, 'readAll');
    await this.#ask(fleet, 'flush');
    await sleep(POLL_MS);
  }

  async #isSettled(fleet: Fleet): Promise<boolean> {
    const states = await Promise.all(
      fleet.instances.map(({ calls }) => this.#within(calls.call('health', null)).catch(() => undefined)),
    );
    const areQuiet = states.every((each) => each?.state === 'coherent' && each.journaled === 0 && each.open === 0);
    if (areQuiet) await this.#ask(fleet, 'flush');
    return areQuiet && this.#truth.owed === 0;
  }

  async #ask(fleet: Fleet, call: 'rest' | 'readAll' | 'flush'): Promise<void> {
    await Promise.all(
      fleet.instances.map(async ({ calls, name }) => {
        await this.#within(calls.call(call, null)).catch((error: unknown) => {
          if (!this.#context.signal.aborted) this.#crashes.push(`${name} did not answer '${call}': ${String(error)}`);
        });
      }),
    );
  }

  #within<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = after(SETTLE_TIMEOUT_MS, () => reject(new Error(`no answer in ${SETTLE_TIMEOUT_MS} ms`)));
      answer.then(resolve, reject).finally(cancel);
    });
  }

  async #check(startedAt: string): Promise<RunReport> {
    this.#phase = 'checking';
    this.#tell();
    const { instances, keys, leaseMs, seed } = this.#options;
    const verdict = checkHistory(this.#log, { leaseMs });
    await this.#context.onLog(this.#log);
    const report = {
      name: this.#name,
      faults: this.#faults,
      store: this.#options.store,
      startedAt,
      seed,
      instances,
      partitions: this.#options.partitions,
      keys,
      leaseMs,
      loadMs: this.#options.durationMs,
      counters: this.#counters,
      sets: verdict.sets,
      invalidations: verdict.invalidations,
      undelivered: verdict.undelivered,
      staleness: verdict.staleness,
      violations: verdict.violations,
      stuckKeys: verdict.stuckKeys,
      crashes: this.#crashes,
      complaints: this.#complaints,
      propagation: this.#probe.result,
      faultsDone: this.#done,
      plot: plotPoints(verdict, this.#beganMs),
      examples: verdict.examples,
    };
    const omitted = omissions(report);
    return { ...report, omissions: omitted, ok: breaches(report) === 0 && omitted.length === 0 };
  }

  #elapsedMs(): number {
    return monotonicMs() - this.#beganMs;
  }

  #complain(complaint: string): void {
    if (this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint);
  }

  #tell(): void {
    this.#context.onProgress({
      name: this.#name,
      elapsedMs: this.#elapsedMs(),
      loadMs: this.#options.durationMs,
      counters: this.#counters,
      phase: this.#phase,
      fault: this.#fault,
    });
  }
}
