import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, monotonicMs, sleep } from '../clock.ts';

/** A Redis that the run may do anything to. */
export interface LaunchedRedis {
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

/** Starts a Redis on loopback that persists nothing by itself. `args` are added to its command line. */
export type RedisLauncher = (options: { readonly args: readonly string[] }) => Promise<LaunchedRedis>;

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 15_000;
const PROBE_PAUSE_MS = 20;
const PROBE_TIMEOUT_MS = 1_000;
/** Runs the server until standard input ends, which it does when this process is gone, however it ended. */
const SUPERVISOR =
  'server=$1; shift; "$server" "$@" >/dev/null 2>&1 & pid=$!; cat >/dev/null; kill -9 "$pid" 2>/dev/null; wait';

/**
 * Starts `redis-server` or `valkey-server` from the PATH.
 *
 * @throws Error that says how to get one
 */
export const launchFromPath: RedisLauncher = async ({ args }) => {
  const binary = await findServer();
  const dir = await mkdtemp(join(tmpdir(), 'tierwise-redis-'));
  const port = await freePort();
  const command = [
    binary,
    '--bind',
    HOST,
    '--port',
    String(port),
    '--dir',
    dir,
    '--save',
    '',
    '--appendonly',
    'no',
    ...args,
  ];
  let running: ChildProcessWithoutNullStreams | undefined;
  const start = async (): Promise<void> => {
    running = spawn('sh', ['-c', SUPERVISOR, 'sh', ...command], { stdio: 'pipe', detached: true });
    running.stdin.on('error', () => {});
    await ready(port);
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
    url: `redis://${HOST}:${port}`,
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
};

async function findServer(): Promise<string> {
  for (const name of ['redis-server', 'valkey-server']) {
    const child = spawn(name, ['--version'], { stdio: 'ignore' });
    const isThere = await new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(false)).once('close', (code) => resolve(code === 0));
    });
    if (isThere) return name;
  }
  throw new Error('No Redis found: install redis-server or valkey-server, or set REDIS_URL to a running one.');
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

async function ready(port: number): Promise<void> {
  const deadlineMs = monotonicMs() + READY_TIMEOUT_MS;
  while (monotonicMs() < deadlineMs) {
    if (await answersPing(port)) return;
    await sleep(PROBE_PAUSE_MS);
  }
  throw new Error(`Redis did not get ready in ${READY_TIMEOUT_MS} ms`);
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port });
    const cancel = after(PROBE_TIMEOUT_MS, () => settle(false));
    const settle = (isReady: boolean): void => {
      cancel();
      socket.destroy();
      resolve(isReady);
    };
    socket.on('error', () => settle(false)).on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (bytes) => settle(bytes.toString('latin1').startsWith('+PONG')));
  });
}
