import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { InstanceCalls, InstanceMessage, InstanceRequest, LoadAnswer } from './instance-messages.ts';

const WORKER = fileURLToPath(new URL('./instance-worker.ts', import.meta.url));

/** Answers the loaders of all instances: the database of a test. */
export type Database = (key: string, instance: Instance) => unknown;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A cache in another process. */
export class RemoteCache {
  readonly instance: Instance;
  readonly #name: string;

  constructor(instance: Instance, name: string) {
    this.instance = instance;
    this.#name = name;
  }

  /** Rejects when the call does, and when the process ends. */
  call<M extends keyof InstanceCalls>(
    method: M,
    ...args: Parameters<InstanceCalls[M]>
  ): Promise<ReturnType<InstanceCalls[M]>> {
    return this.instance.request(this.#name, method, args) as Promise<ReturnType<InstanceCalls[M]>>;
  }
}

/** One process that runs an application with caches, started from `instance-worker.ts`. It ends with its parent. */
export class Instance implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #databases = new Map<string, Database>();
  #lastId = 0;
  #errorOutput = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errorOutput += chunk.toString();
    });
    child.on('message', (message: InstanceMessage) => void this.#receive(message));
    child.on('exit', (code, signal) => {
      const error = new Error(`the instance ended (${signal ?? code}): ${this.#errorOutput}`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  static async start(): Promise<Instance> {
    const child = fork(WORKER, {
      execArgv: ['--conditions=@tierwise/source', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    const instance = new Instance(child);
    await once(child, 'message');
    return instance;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the process wrote to its standard error; nothing in a healthy run. */
  get errorOutput(): string {
    return this.#errorOutput;
  }

  /** Opens a cache there. `database` answers its loaders. */
  async open(
    name: string,
    options: { url: string; leaseMs?: number; commandTimeoutMs?: number; database?: Database },
  ): Promise<RemoteCache> {
    const { url, leaseMs = 2_000, commandTimeoutMs = 10_000, database = () => null } = options;
    this.#databases.set(name, database);
    const cache = new RemoteCache(this, name);
    await cache.call('open', url, leaseMs, commandTimeoutMs);
    return cache;
  }

  request(cacheName: string, method: keyof InstanceCalls, args: readonly unknown[]): Promise<unknown> {
    if (!this.isRunning) return Promise.reject(new Error(`the instance has ended: ${this.#errorOutput}`));
    const id = ++this.#lastId;
    this.#send({ id, cacheName, method, args });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the process; a stopped one too. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #send(message: InstanceRequest | LoadAnswer): void {
    this.#child.send(message, () => {});
  }

  async #receive(message: InstanceMessage): Promise<void> {
    if (message.kind === 'load') {
      const value = await Promise.resolve(this.#databases.get(message.cacheName)?.(message.key, this));
      if (this.isRunning) this.#send({ loadId: message.id, value });
    } else if (message.kind !== 'ready') {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.kind === 'reply') waiting?.resolve(message.value);
      else waiting?.reject(Object.assign(new Error(message.message), { code: message.code }));
    }
  }
}

/** Starts several instances at once. */
export function startInstances(count: number): Promise<Instance[]> {
  return Promise.all(Array.from({ length: count }, () => Instance.start()));
}
