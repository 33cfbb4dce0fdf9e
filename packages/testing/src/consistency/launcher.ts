import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, monotonicMs, sleep } from '../clock.ts';

/** A server that the run may do anything to. */
export interface LaunchedServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Its working directory, where the RDB file goes; `undefined` when that is out of reach. */
  readonly dir: string | undefined;
  /** Ends it; resolves when it is gone. Default `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and directory. */
  restart(): Promise<void>;
  /** Ends it and removes what it left. */
  stop(): Promise<void>;
}

/** Starts a server on loopback that persists nothing by itself. `args` are added to its command line. */
export type Launcher = (options: { readonly args: readonly string[] }) => Promise<LaunchedServer>;

/** How each kind of server the run needs is started. */
export interface Launchers {
  readonly redis: Launcher;
  readonly memcached: Launcher;
}

/** What is different between one kind of server and another. */
interface Kind {
  readonly title: string;
  readonly scheme: string;
  readonly binaries: readonly string[];
  readonly variable: string;
  args(port: number, dir: string): readonly string[];
  readonly probe: { readonly sent: string; readonly answer: string };
}

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 15_000;
const PROBE_PAUSE_MS = 20;
const PROBE_TIMEOUT_MS = 1_000;
/** Runs the server until standard input ends, which it does when this process is gone, however it ended. */
const SUPERVISOR =
  'server=$1; shift; "$server" "$@" >/dev/null 2>&1 & pid=$!; cat >/dev/null; kill -9 "$pid" 2>/dev/null; wait';

const REDIS: Kind = {
  title: 'Redis',
  scheme: 'redis',
  binaries: ['redis-server', 'valkey-server'],
  variable: 'REDIS_URL',
  args: (port, dir) => ['--bind', HOST, '--port', String(port), '--dir', dir, '--save', '', '--appendonly', 'no'],
  probe: { sent: 'PING\r\n', answer: '+PONG' },
};

const MEMCACHED: Kind = {
  title: 'Memcached',
  scheme: 'memcached',
  binaries: ['memcached'],
  variable: 'PATH',
  // As root it refuses to start without a user to become.
  args: (port) => ['-l', HOST, '-p', String(port), '-U', '0', ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : [])],
  probe: { sent: 'version\r\n', answer: 'VERSION' },
};

/**
 * Starts `redis-server` or `valkey-server`, and `memcached`, from the PATH.
 *
 * @throws Error that says how to get one
 */
export const FROM_PATH: Launchers = {
  redis: (options) => launch(REDIS, options.args),
  memcached: (options) => launch(MEMCACHED, options.args),
};

async function launch(kind: Kind, args: readonly string[]): Promise<LaunchedServer> {
  const binary = await findServer(kind);
  const dir = await mkdtemp(join(tmpdir(), `tierwise-${kind.scheme}-`));
  const port = await freePort();
  const command = [binary, ...kind.args(port, dir), ...args];
  let running: ChildProcessWithoutNullStreams | undefined;
  const start = async (): Promise<void> => {
    running = spawn('sh', ['-c', SUPERVISOR, 'sh', ...command], { stdio: 'pipe', detached: true });
    running.stdin.on('error', () => {});
    await ready(kind, port);
  };
  const kill = async (): Promise<void> => {
    if (running === undefined) return;
    const closed = once(running, 'close');
    running.stdin.end();
    await closed;
    running = undefined;
  };
  await start();
  return {
    url: `${kind.scheme}://${HOST}:${port}`,
    host: HOST,
    port,
    dir,
    kill,
    async restart() {
      await kill();
      await start();
    },
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function findServer({ title, binaries, variable }: Kind): Promise<string> {
  for (const name of binaries) {
    const child = spawn(name, ['--version'], { stdio: 'ignore' });
    const isThere = await new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(false)).once('close', (code) => resolve(code === 0));
    });
    if (isThere) return name;
  }
  const other = variable === 'PATH' ? '' : `, or set ${variable} to a running one`;
  throw new Error(`No ${title} found: install ${binaries.join(' or ')} so that it is on the PATH${other}.`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function ready(kind: Kind, port: number): Promise<void> {
  const deadlineMs = monotonicMs() + READY_TIMEOUT_MS;
  while (monotonicMs() < deadlineMs) {
    if (await answers(kind, port)) return;
    await sleep(PROBE_PAUSE_MS);
  }
  throw new Error(`${kind.title} did not get ready in ${READY_TIMEOUT_MS} ms`);
}

function answers({ probe }: Kind, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    const cancel = after(PROBE_TIMEOUT_MS, () => settle(false));
    const settle = (isReady: boolean): void => {
      cancel();
      socket.destroy();
      resolve(isReady);
    };
    socket.on('error', () => settle(false)).on('connect', () => socket.write(probe.sent));
    socket.on('data', (bytes) => settle(bytes.toString('latin1').startsWith(probe.answer)));
  });
}
