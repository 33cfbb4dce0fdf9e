import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { findRedis, type Server, ServerUnavailableError, startRedis } from '../servers/index.ts';

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url));

/** Sends one inline command and returns the first line of the answer. */
async function command(server: { host: string; port: number }, text: string): Promise<string> {
  const socket = connect({ host: server.host, port: server.port });
  socket.write(`${text}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString().split('\r\n')[0]!;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function eventually(holds: () => boolean, limitMs = 60_000): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await delay(20)) {
    if (holds()) return true;
  }
  return false;
}

describe('a server of our own', () => {
  const servers: Server[] = [];
  const start = async (...args: Parameters<typeof startRedis>): Promise<Server> => {
    const server = await startRedis(...args);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  test('answers on loopback, keeps nothing, and is gone with its directory after stop', async () => {
    const server = await start();
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
    expect(await command(server, 'PING')).toBe('+PONG');
    const { dir, pid } = server;
    expect(existsSync(dir!)).toBe(true);
    await server.stop();
    expect(isAlive(pid!)).toBe(false);
    expect(existsSync(dir!)).toBe(false);
    await server.stop();
  });

  test('can be killed and started again on the same port, empty', async () => {
    const server = await start();
    const { pid, port } = server;
    await command(server, 'SET a 1');
    await server.kill('SIGKILL');
    expect(server.pid).toBeUndefined();
    expect(isAlive(pid!)).toBe(false);
    await server.restart();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    expect(await command(server, 'EXISTS a')).toBe(':0');
  });

  test('keeps its file across a restart when arguments ask for one, in a directory that stays', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tierwise-test-'));
    try {
      const server = await start({ dir, args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
      await command(server, 'SET a 1');
      await server.restart();
      expect(await command(server, 'EXISTS a')).toBe(':1');
      await server.stop();
      const again = await start({ dir, port: server.port, args: ['--appendonly', 'yes'] });
      expect(again.port).toBe(server.port);
      expect(await command(again, 'EXISTS a')).toBe(':1');
      await again.stop();
      expect(existsSync(dir)).toBe(true);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('can be paused and woken', async () => {
    const server = await start();
    await server.kill('SIGSTOP');
    const answer = command(server, 'PING');
    expect(await Promise.race([answer, delay(200, 'silence')])).toBe('silence');
    await server.kill('SIGCONT');
    expect(await answer).toBe('+PONG');
  });

  test('is ended although it is paused', async () => {
    const server = await start();
    const { pid } = server;
    await server.kill('SIGSTOP');
    await server.stop();
    expect(isAlive(pid!)).toBe(false);
  });

  test('says why it could not start', async () => {
    const failure = startRedis({ args: ['--no-such-option', 'x'] });
    await expect(failure).rejects.toThrow(ServerUnavailableError);
    await expect(failure).rejects.toThrow('no-such-option');
  });

  test('does not mistake the server of somebody else on its port for its own', async () => {
    const first = await start();
    await expect(startRedis({ port: first.port })).rejects.toThrow(ServerUnavailableError);
    expect(await command(first, 'PING')).toBe('+PONG');
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('ends with its parent after %s', async (signal) => {
    const parent = spawn(process.execPath, [HOLDER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const { pid, dir } = JSON.parse(line) as { pid: number; dir: string };
    expect(isAlive(pid)).toBe(true);
    parent.kill(signal);
    await once(parent, 'exit');
    expect(await eventually(() => !isAlive(pid))).toBe(true);
    expect(await eventually(() => !existsSync(dir))).toBe(true);
  });

  test('does not keep a finished program running', async () => {
    const parent = spawn(process.execPath, [HOLDER, 'and-return'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const { pid } = JSON.parse(line) as { pid: number };
    const [code] = await once(parent, 'exit');
    expect(code).toBe(0);
    expect(await eventually(() => !isAlive(pid))).toBe(true);
  });
});

describe('a server that the environment names', () => {
  const before = process.env['REDIS_URL'];
  afterEach(() => {
    if (before === undefined) delete process.env['REDIS_URL'];
    else process.env['REDIS_URL'] = before;
  });

  test('is used as it is and is not ours to signal', async () => {
    process.env['REDIS_URL'] = 'redis://cache.example:7000/2';
    const server = await findRedis();
    expect(server).toMatchObject({
      origin: 'env',
      url: 'redis://cache.example:7000/2',
      host: 'cache.example',
      port: 7000,
    });
    await expect(server.kill()).rejects.toThrow(ServerUnavailableError);
    await server.stop();
  });

  test('does not stand in for one that a test wants to kill', async () => {
    process.env['REDIS_URL'] = 'redis://cache.example:7000';
    await using server = await startRedis();
    expect(server.origin).not.toBe('env');
  });

  test('has to be a URL', async () => {
    process.env['REDIS_URL'] = 'nowhere';
    await expect(findRedis()).rejects.toThrow('REDIS_URL is not a URL');
  });
});
