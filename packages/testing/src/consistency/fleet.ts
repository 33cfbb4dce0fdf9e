import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { monotonicMs, sleep } from '../clock.ts';
import { Channel } from './channel.ts';
import type { InstanceCalls, InstanceConfig, InstanceReport, RunCalls } from './contract.ts';
import type { Truth } from './truth.ts';

const START_TIMEOUT_MS = 20_000;
const READY_POLL_MS = 20;
const MAX_STDERR_CHARS = 4_000;

export interface FleetOptions {
  readonly truth: Truth;
  /** Configuration of place `index`, for its `incarnation`-th process. */
  configOf(index: number, incarnation: number): InstanceConfig;
  onReport(report: InstanceReport): void;
  /** A process ended that nobody had ended; answers whether another one may take its place. */
  onCrash(description: string): boolean;
}

/** A running instance. */
export interface Instance {
  readonly index: number;
  readonly name: string;
  readonly child: ChildProcess;
  readonly calls: Channel<RunCalls, InstanceCalls>;
  stderr: string;
  isExpectedToEnd: boolean;
}

/** The processes of a run. Each is ended by its process id, and ends by itself when this process is gone. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #instances: Instance[] = [];
  readonly #incarnations: number[] = [];
  readonly #resumers = new Set<ChildProcess>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  /** Starts `count` processes and resolves when all caches are ready. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, index) => this.#open(index)));
  }

  /** Stops a process for a while, as a machine that is out of breath does. */
  async pause(index: number, pauseMs: number): Promise<void> {
    const { pid } = this.#instances[index]?.child ?? {};
    if (pid === undefined) return;
    // Another process sends both signals: were this one to end in between, nobody would wake the instance to find out.
    const script = 'kill -STOP "$0"; sleep "$1"; kill -CONT "$0"';
    const resumer = spawn('sh', ['-c', script, String(pid), (pauseMs / 1_000).toFixed(3)], {
      stdio: 'ignore',
      detached: true,
    });
    this.#resumers.add(resumer);
    await new Promise((resolve) => resumer.once('close', resolve).once('error', resolve));
    this.#resumers.delete(resumer);
  }

  /** Kills a process and puts another one in its place, which delivers what the first one owes. */
  async crash(index: number): Promise<void> {
    const instance = this.#instances[index];
    if (instance === undefined) return;
    await end(instance);
    await this.#replace(instance);
  }

  /** Kills everything; idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.#instances.map(end));
  }

  async #replace(dead: Instance): Promise<void> {
    const heir = await this.#open(dead.index);
    // Given even when empty: a report of the dead process may have been the last word on what it owes.
    await heir.calls.call('deliver', this.#options.truth.bequeath(dead.name, heir.name)).catch(() => {});
  }

  async #open(index: number): Promise<Instance> {
    const incarnation = (this.#incarnations[index] ?? 0) + 1;
    this.#incarnations[index] = incarnation;
    const config = this.#options.configOf(index, incarnation);
    const child = fork(instancePath(), [JSON.stringify(config)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const { truth, onReport } = this.#options;
    const name = config.instance;
    const calls = new Channel<RunCalls, InstanceCalls>(child, {
      load: (key) => truth.load(key),
      commit: ({ keys, forSet }) => truth.commit(name, keys, forSet),
      unlock: (keys) => truth.unlock(name, keys),
      report: (report) => onReport(report),
    });
    const instance: Instance = { index, name, child, calls, stderr: '', isExpectedToEnd: false };
    this.#instances[index] = instance;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      instance.stderr = (instance.stderr + text).slice(-MAX_STDERR_CHARS);
    });
    child.on('error', () => {});
    child.once('close', (code, signal) => this.#onEnd(instance, code, signal));
    await ready(instance);
    return instance;
  }

  #onEnd(instance: Instance, code: number | null, signal: NodeJS.Signals | null): void {
    instance.calls.close();
    if (instance.isExpectedToEnd) return;
    const description = `${instance.name} ended with ${signal ?? `code ${code}`}: ${instance.stderr.trim()}`;
    instance.isExpectedToEnd = true;
    if (!this.#options.onCrash(description)) return;
    void this.#replace(instance).catch(() => {});
  }
}

/** Resolves when the instance answers, which it can once its cache is ready. */
async function ready({ child, calls, name }: Instance): Promise<void> {
  const deadlineMs = monotonicMs() + START_TIMEOUT_MS;
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  while (isRunning() && monotonicMs() < deadlineMs) {
    const isReady = await calls.call('health', null).then(
      () => true,
      () => false,
    );
    if (isReady) return;
    await sleep(READY_POLL_MS);
  }
  // An instance that ended is told by its end.
  if (isRunning()) throw new Error(`${name} did not get ready`);
}

async function end(instance: Instance): Promise<void> {
  instance.isExpectedToEnd = true;
  const { child } = instance;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
}

/** The program of an instance lies beside this file, as TypeScript in the sources and as JavaScript in the package. */
function instancePath(): string {
  const source = fileURLToPath(new URL('./instance.ts', import.meta.url));
  return import.meta.url.endsWith('.ts') && existsSync(source) ? source : source.replace(/\.ts$/, '.js');
}
