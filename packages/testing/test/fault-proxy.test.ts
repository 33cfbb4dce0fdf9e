import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultProxy } from '../src/index.ts';

describe('FaultProxy', () => {
  let server: Server;
  let serverSockets: Socket[];
  let proxy: FaultProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    serverSockets = [];
    server = createServer((socket) => {
      serverSockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => socket.write(bytes));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.start({ target: { port: (server.address() as AddressInfo).port } });
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    for (const socket of serverSockets) socket.destroy();
    server.close();
  });

  async function dial(): Promise<Socket> {
    const socket = connect({ host: proxy.host, port: proxy.port, allowHalfOpen: true });
    clients.push(socket);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return socket;
  }

  /** `once` would reject for the reset that is expected. */
  async function closed(socket: Socket): Promise<void> {
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  }

  async function echo(socket: Socket, text: string): Promise<string> {
    let got = '';
    const onData = (bytes: Buffer): void => {
      got += bytes.toString();
    };
    socket.on('data', onData);
    socket.write(text);
    while (got.length < text.length) await sleep(1);
    socket.off('data', onData);
    return got;
  }

  /** Whether an echo comes within `ms`. */
  async function answersWithin(socket: Socket, ms: number): Promise<boolean> {
    return Promise.race([echo(socket, 'x').then(() => true), sleep(ms).then(() => false)]);
  }

  it('hands bytes on both ways and knows its connections by what they said first', async () => {
    const socket = await dial();
    expect(await echo(socket, 'hello, I am bus')).toBe('hello, I am bus');
    await dial();
    expect(proxy.connections()).toHaveLength(2);
    expect(proxy.connections('bus')).toHaveLength(1);
    expect(proxy.connections('bus')[0]?.passedBytes).toEqual({ toTarget: 15, toClient: 15 });
  });

  it('hands a megabyte on unharmed', async () => {
    const socket = await dial();
    const text = 'abcdefgh'.repeat(2 ** 17);
    expect(await echo(socket, text)).toBe(text);
  });

  it('hands an orderly end on', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    socket.end();
    await once(serverSockets[0]!, 'end');
    await once(socket, 'end');
  });

  it('cuts by reset: the client sees ECONNRESET', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.cut();
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(await echo(await dial(), 'b')).toBe('b');
  });

  it('cuts by FIN: the client sees an end', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.cut('fin');
    await once(socket, 'end');
  });

  it('refuses connections until it resumes', async () => {
    proxy.cut('reset', 'refused');
    const socket = await dial();
    await closed(socket);
    proxy.resume();
    expect(await echo(await dial(), 'b')).toBe('b');
  });

  it('silences: nothing arrives, nobody hears of an end, new connections are silent too', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.silence();
    expect(await answersWithin(socket, 50)).toBe(false);
    expect(await answersWithin(await dial(), 50)).toBe(false);
    let hasEnded = false;
    serverSockets[0]!.on('close', () => {
      hasEnded = true;
    });
    socket.destroy();
    await sleep(50);
    expect(hasEnded).toBe(false);
  });

  it('keeps silenced connections lost after resuming, and serves new ones', async () => {
    const socket = await dial();
    proxy.silence();
    proxy.resume();
    expect(await answersWithin(socket, 50)).toBe(false);
    expect(await echo(await dial(), 'b')).toBe('b');
  });

  it('silences some and passes new ones when asked to', async () => {
    const socket = await dial();
    proxy.silence('pass');
    expect(await answersWithin(socket, 50)).toBe(false);
    expect(await echo(await dial(), 'b')).toBe('b');
  });

  it('holds bytes back and delivers them all at resume', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.hold();
    const late = echo(socket, 'late bytes');
    const young = echo(await dial(), 'young bytes');
    await sleep(50);
    expect(serverSockets[0]!.bytesRead).toBe(1);
    proxy.resume();
    expect(await Promise.all([late, young])).toEqual(['late bytes', 'young bytes']);
  });

  it('delays with jitter and keeps order', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.slow({ delayMs: 30, jitterMs: 20 });
    const began = performance.now();
    let got = '';
    socket.on('data', (bytes) => {
      got += bytes.toString();
    });
    for (const letter of 'bcdef') {
      socket.write(letter);
      await sleep(2);
    }
    while (got.length < 5) await sleep(1);
    expect(got).toBe('bcdef');
    expect(performance.now() - began).toBeGreaterThan(58);
  });

  it('throttles', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.slow({ bytesPerSecond: 10_000 });
    const began = performance.now();
    await echo(socket, 'x'.repeat(1_000));
    expect(performance.now() - began).toBeGreaterThan(80);
    proxy.resume();
    // Throttled this would take longer than any test may.
    await echo(socket, 'x'.repeat(2_000_000));
  });

  it('does one connection a harm and leaves the others alone', async () => {
    const [first, second] = [await dial(), await dial()];
    await echo(first, 'first');
    await echo(second, 'second');
    proxy.connections('first')[0]!.cut();
    await closed(first);
    expect(await echo(second, 'b')).toBe('b');
  });

  it('sends later connections elsewhere after retarget', async () => {
    const other = createServer((socket) => socket.on('error', () => {}).end('other'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const socket = await dial();
    proxy.retarget({ port: (other.address() as AddressInfo).port });
    expect(await echo(socket, 'a')).toBe('a');
    const [bytes] = (await once(await dial(), 'data')) as [Buffer];
    expect(bytes.toString()).toBe('other');
    other.close();
  });

  it('ends the client when the target cannot be reached', async () => {
    server.close();
    for (const socket of serverSockets) socket.destroy();
    const socket = await dial();
    await closed(socket);
  });

  it('closes everything when disposed, silent connections included', async () => {
    const socket = await dial();
    await echo(socket, 'a');
    proxy.silence();
    const bothClosed = Promise.all([closed(socket), closed(serverSockets[0]!)]);
    await proxy.stop();
    await proxy.stop();
    await bothClosed;
  });
});
