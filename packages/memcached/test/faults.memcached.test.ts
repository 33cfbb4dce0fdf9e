import { type AddressInfo, createServer } from 'node:net';
import { CacheError } from 'tierwise/driver';
import { afterEach, describe, expect, it } from 'vitest';
import { type Server, startMemcached } from '../../../scripts/servers/index.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { item, open, readTexts, writeCodes } from './support/plain-store.ts';

const resources: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const dispose of resources.splice(0).reverse()) await dispose();
});

async function server(args?: readonly string[]): Promise<Server> {
  const started = await startMemcached(args === undefined ? {} : { args });
  resources.push(() => started.stop());
  return started;
}

async function proxied(): Promise<{ proxy: FaultProxy; target: Server }> {
  const target = await server();
  const proxy = await FaultProxy.start({ target: { host: target.host, port: target.port } });
  resources.push(() => proxy.stop());
  return { proxy, target };
}

function opened(servers: string, commandTimeout = 1_000): ReturnType<typeof open> {
  const one = open({ servers, commandTimeout });
  resources.push(async () => one[Symbol.asyncDispose]());
  return one;
}

const addressOf = (url: string): string => new URL(url.replace(/^\w+:/, 'http:')).host;
const names = Array.from({ length: 40 }, (_, i) => `name:${i}`);
const items = names.map((name) => item(name, name));

describe('a Memcached store in trouble', () => {
  it('answers by its deadline on a half-open connection, fails at once after that, and comes back', async () => {
    const { proxy } = await proxied();
    const { store, faults } = opened(addressOf(proxy.url));
    await store.write([item('a', '1')]);
    proxy.silence();
    expect(await readTexts(store, ['a', 'b'])).toEqual(['REMOTE_TIMEOUT', 'REMOTE_TIMEOUT']);
    expect(faults.map(({ code }) => code)).toEqual(['REMOTE_TIMEOUT']);
    proxy.resume();
    await expect.poll(() => readTexts(store, ['a'])).toEqual(['1']);
  });

  // Symptom: a server that stayed away counted as one connection error, and no alert came of it.
  it('tells of every attempt that fails, of which server, and once that it answers again', async () => {
    const { proxy } = await proxied();
    const server = addressOf(proxy.url);
    const { store, faults, recovered } = opened(server);
    const outage = async (): Promise<void> => {
      await store.write([item('a', '1')]);
      proxy.silence();
      for (let call = 0; call < 3; call++) await store.read(['a']);
      proxy.resume();
      await expect.poll(() => readTexts(store, ['a'])).toEqual(['1']);
    };
    await outage();
    expect(recovered).toEqual([server]);
    // The connection that was there, and the next one at once. What is asked after that waits for its turn.
    expect(faults.length).toBeGreaterThan(1);
    expect(new Set(faults.map(({ facts }) => facts.server))).toEqual(new Set([server]));
    faults.length = 0;
    await outage();
    expect(recovered).toEqual([server, server]);
    expect(faults.length).toBeGreaterThan(1);
  });

  it('settles every command of a connection that ends', async () => {
    const { proxy } = await proxied();
    const { store } = opened(addressOf(proxy.url), 20_000);
    await store.write([item('a', '1')]);
    proxy.hold();
    const reading = readTexts(store, ['a', 'b', 'c']);
    proxy.cut('fin');
    expect(await reading).toEqual(['REMOTE_UNAVAILABLE', 'REMOTE_UNAVAILABLE', 'REMOTE_UNAVAILABLE']);
    proxy.resume();
    await expect.poll(() => readTexts(store, ['a'])).toEqual(['1']);
  });

  it('is not confused by the rest of an answer that a connection left behind', async () => {
    let isFirst = true;
    const broken = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (request) => {
        const miss = Buffer.alloc(24);
        miss[0] = 0x81;
        miss[7] = 1;
        request.copy(miss, 12, 12, 16);
        if (isFirst) socket.end(miss.subarray(0, 10));
        else socket.write(miss);
        isFirst = false;
      });
    });
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
    resources.push(async () => broken.close());
    const { port } = broken.address() as AddressInfo;
    const { store } = opened(`127.0.0.1:${port}`);
    expect(await readTexts(store, ['a'])).toEqual(['REMOTE_UNAVAILABLE']);
    expect(await readTexts(store, ['a'])).toEqual([undefined]);
  });

  it('serves the names of the servers that are up while one is down', async () => {
    const [up, down] = [await server(), await server()];
    const { store } = opened(`127.0.0.1:${up.port},127.0.0.1:${down.port}`);
    expect(await writeCodes(store, items)).toEqual(names.map(() => undefined));
    await down.kill();
    const during = await readTexts(store, names);
    const served = during.filter((text) => text?.startsWith('name:'));
    expect(served.length).toBeGreaterThan(5);
    expect(served.length).toBeLessThan(35);
    for (const [i, text] of during.entries()) expect([names[i], 'REMOTE_UNAVAILABLE']).toContain(text);
    // The failed ones do not wait for a server that is known to be away.
    expect(await writeCodes(store, items)).toContain('REMOTE_UNAVAILABLE');
    await down.restart();
    await expect.poll(async () => (await writeCodes(store, items)).every((code) => code === undefined)).toBe(true);
    expect(await readTexts(store, names)).toEqual(names);
  });

  it('loses what a restart loses, and nothing else happens', async () => {
    const target = await server();
    const { store, faults } = opened(`127.0.0.1:${target.port}`);
    await store.write(items);
    await target.kill();
    await target.restart();
    await expect.poll(() => readTexts(store, ['name:0'])).toEqual([undefined]);
    expect(faults.length).toBe(1);
    expect(await writeCodes(store, items)).toEqual(names.map(() => undefined));
  });

  it('answers for each write by itself when the server is full', async () => {
    const full = await server(['-m', '2', '-M']);
    const { store } = opened(`127.0.0.1:${full.port}`, 2_000);
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 60; i++) codes.push(...(await writeCodes(store, [item(`full:${i}`, Buffer.alloc(100_000))])));
    expect(new Set(codes)).toEqual(new Set([undefined, 'REMOTE_REJECTED']));
    const kept = (await store.read(codes.map((_, i) => `full:${i}`))).map((read) => read instanceof Uint8Array);
    expect(kept).toEqual(codes.map((code) => code === undefined));
  });

  it('lets the server evict', async () => {
    const small = await server(['-m', '2']);
    const { store } = opened(`127.0.0.1:${small.port}`, 2_000);
    const stored: string[] = [];
    for (let i = 0; i < 100; i++) {
      const [code] = await writeCodes(store, [item(`evict:${i}`, Buffer.alloc(50_000, i))]);
      if (code === undefined) stored.push(`evict:${i}`);
    }
    const kept = (await store.read(stored)).filter((read) => read !== undefined);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(stored.length);
  });

  it('refuses every call after it was closed, and ends its connections', async () => {
    const target = await server();
    const { store } = opened(`127.0.0.1:${target.port}`);
    await store.write([item('a', '1')]);
    const reading = store.read(['a']);
    await store.close();
    await store.close();
    expect([...(await reading)].every((read) => CacheError.is(read) || Buffer.isBuffer(read))).toBe(true);
    expect(await readTexts(store, ['a'])).toEqual(['REMOTE_UNAVAILABLE']);
    expect(await writeCodes(store, [item('a', '1')])).toEqual(['REMOTE_UNAVAILABLE']);
  });

  it('answers in time where no server has ever been', async () => {
    const { store, faults } = opened('127.0.0.1:1');
    expect(await readTexts(store, ['a', 'b'])).toEqual(['REMOTE_UNAVAILABLE', 'REMOTE_UNAVAILABLE']);
    expect(await writeCodes(store, [item('a', '1')])).toEqual(['REMOTE_UNAVAILABLE']);
    expect(faults.length).toBe(2);
  });
});
