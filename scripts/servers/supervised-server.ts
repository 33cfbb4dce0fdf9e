import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ServerUnavailableError } from './errors.ts';
import { findFreePort } from './free-port.ts';
import { waitUntilReady } from './probe.ts';
import type { Server, ServerKind, ServerOrigin, StartOptions } from './server.ts';
import type { SupervisorEvent, SupervisorSpec } from './supervisor.ts';

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 15_000;
const PORT_ATTEMPTS = 5;
/** Redis and Memcached both say so in these words; the rest is our own finding. */
const PORT_TAKEN = /address already in use|^Another /i;
const SUPERVISOR = fileURLToPath(new URL('./supervisor.ts', import.meta.url));
const SIGNALS_THAT_DO_NOT_END = new Set<NodeJS.Signals>(['SIGSTOP', 'SIGCONT', 'SIGTSTP']);

/** A local server behind a supervisor process; see there for what happens when this process dies. */
class SupervisedServer implements Server {
  readonly host = HOST;
  readonly origin: ServerOrigin;
  readonly port: number;
  readonly url: string;
  dir = '';
  pid: number | undefined;

  readonly #kind: ServerKind;
  readonly #supervisor: ChildProcessByStdio<Writable, Readable, null>;
  readonly #events = new EventEmitter<{ started: []; exited: [reason: string]; gone: [] }>();
  #stopped = false;

  constructor(
    kind: ServerKind,
    spec: SupervisorSpec,
    { origin, port, env }: { origin: ServerOrigin; port: number; env: StartOptions['env'] },
  ) {
    this.#kind = kind;
    this.origin = origin;
    this.port = port;
    this.url = `${kind.urlScheme}://${HOST}:${port}`;
    const nodeArgs = ['--disable-warning=ExperimentalWarning', SUPERVISOR, JSON.stringify(spec)];
    this.#supervisor = spawn(process.execPath, nodeArgs, {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
      env: { ...process.env, ...env, NODE_OPTIONS: '' },
    });
    this.#supervisor.stdin.on('error', () => {});
    this.#supervisor.once('close', () => this.#onGone());
    createInterface({ input: this.#supervisor.stdout }).on('line', (line) => {
      this.#onEvent(JSON.parse(line) as SupervisorEvent);
    });
  }

  async start(): Promise<void> {
    await this.#keepingProcessAlive(async () => {
      const failure = new AbortController();
      const onExit = (reason: string): void => failure.abort(reason);
      this.#events.once('exited', onExit);
      this.#supervisor.stdin.write('start\n');
      await once(this.#events, 'started', { signal: failure.signal }).catch(() => {});
      const ready = await waitUntilReady(this.#kind, {
        host: HOST,
        port: this.port,
        signal: failure.signal,
        timeoutMs: READY_TIMEOUT_MS,
      });
      this.#events.off('exited', onExit);
      if (failure.signal.aborted) throw new Error(`${this.#kind.title} ended at start: ${failure.signal.reason}`);
      if (ready === 'silent') throw new Error(`${this.#kind.title} did not get ready in ${READY_TIMEOUT_MS} ms`);
      if (ready.pid !== undefined && ready.pid !== this.pid) {
        throw new Error(`Another ${this.#kind.title} listens on port ${this.port}`);
      }
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    await this.#keepingProcessAlive(async () => {
      const ended = SIGNALS_THAT_DO_NOT_END.has(signal) ? undefined : once(this.#events, 'exited');
      process.kill(pid, signal);
      await ended;
    });
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#keepingProcessAlive(async () => {
      const gone = once(this.#events, 'gone');
      this.#supervisor.stdin.end();
      await gone;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #onEvent(event: SupervisorEvent): void {
    switch (event.type) {
      case 'ready':
        this.dir = event.dir;
        break;
      case 'started':
        this.pid = event.pid;
        this.#events.emit('started');
        break;
      case 'exited':
        this.pid = undefined;
        this.#events.emit('exited', event.reason);
    }
  }

  #onGone(): void {
    this.#stopped = true;
    this.pid = undefined;
    this.#events.emit('exited', 'its supervisor ended');
    this.#events.emit('gone');
  }

  /** A server alone must not keep a finished program running; waiting for one must. */
  async #keepingProcessAlive(work: () => Promise<void>): Promise<void> {
    const handles = [this.#supervisor, this.#supervisor.stdin, this.#supervisor.stdout] as {
      ref?(): void;
      unref?(): void;
    }[];
    for (const handle of handles) handle.ref?.();
    try {
      await work();
    } finally {
      for (const handle of handles) handle.unref?.();
    }
  }
}

/** Starts a server from a binary and resolves when it answers. */
export async function startSupervised(
  kind: ServerKind,
  binary: string,
  origin: ServerOrigin,
  options: StartOptions,
): Promise<Server> {
  const attempts = options.port === undefined ? PORT_ATTEMPTS : 1;
  let failure: unknown;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = options.port ?? (await findFreePort());
    const args = [...kind.localArgs(port), ...(options.args ?? [])];
    const dir = options.dir === undefined ? { scratchPrefix: `tierwise-${kind.urlScheme}-` } : { path: options.dir };
    const server = new SupervisedServer(kind, { binary, args, dir }, { origin, port, env: options.env });
    try {
      await server.start();
      return server;
    } catch (error) {
      failure = error;
      await server.stop();
      if (!PORT_TAKEN.test((error as Error).message)) break;
    }
  }
  throw new ServerUnavailableError(`${kind.title} could not be started from ${binary}: ${(failure as Error).message}`);
}
