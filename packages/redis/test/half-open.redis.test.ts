import type { Cache } from 'tierwise';
import { beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { FaultProxy } from '../../testing/src/index.ts';
import { openCache, openClient, share, uniqueName } from './support/caches.ts';
import { eventually, pause, until } from './support/until.ts';

const LEASE_MS = 1_000;
const DEADLINE_MS = 600;

let name: string;
let proxy: FaultProxy;
/** An instance behind the proxy, and one that reaches Redis directly. */
let far: Cache;
let near: Cache;

beforeEach(async () => {
  name = uniqueName();
  const { hostname, port } = new URL(inject('redisUrl'));
  proxy = await FaultProxy.start({ target: { host: hostname, port: Number(port) } });
  const stop = (): Promise<void> => proxy.stop();
  far = openFar();
  near = openCache({ name, coherence: { lease: LEASE_MS } });
  await Promise.all([far.ready(), near.ready()]);
  return stop;
});

function openFar(): Cache {
  return openCache({ name, coherence: { lease: LEASE_MS } }, { url: proxy.url, commandTimeout: DEADLINE_MS });
}

/** Calls of every kind, over and over; answers what is still waiting. */
function callEverything(cache: Cache): {
  pending: () => number;
  failures: readonly unknown[];
  stop: () => void;
} {
  let pending = 0;
  let isOver = false;
  let calls = 0;
  const failures: unknown[] = [];
  const watched = async (call: Promise<unknown>): Promise<void> => {
    pending++;
    await call.catch((error: unknown) => failures.push(error));
    pending--;
  };
  const again = (): void => {
    if (isOver) return;
    const id = calls++ % 50;
    void watched(cache.getOrSet(`load:${id}`, () => id));
    void watched(cache.get(`get:${id}`));
    void watched(cache.getMany([`many:${id}`, 'k']));
    void watched(cache.set(`set:${id}`, id));
    void watched(cache.delete(`load:${id}`));
    void watched(cache.invalidateTags([`tag:${id}`]));
    setTimeout(again, 5);
  };
  again();
  const stop = (): void => {
    isOver = true;
  };
  onTestFinished(stop);
  return { pending: () => pending, failures, stop };
}

/** Notes when reads began that were answered with a value. */
function watch(cache: Cache, key: string): Map<unknown, number> {
  const lastBeganMs = new Map<unknown, number>();
  let isOver = false;
  const again = (): void => {
    if (isOver) return;
    const beganMs = Date.now();
    const value = cache.peek(key);
    if (value !== undefined) lastBeganMs.set(value, beganMs);
    void cache.get(key).then(
      (answer) => {
        if (answer !== undefined) lastBeganMs.set(answer, Math.max(beganMs, lastBeganMs.get(answer) ?? 0));
      },
      () => {},
    );
    setTimeout(again, 2);
  };
  again();
  onTestFinished(() => {
    isOver = true;
  });
  return lastBeganMs;
}

test('on a half-open connection every call is answered, and all is well afterwards', async () => {
  const calls = callEverything(far);
  await pause(100);
  proxy.silence();
  await eventually(() => far.health().state).toBe('offline');
  await pause(500);
  calls.stop();
  // Without a deadline they would wait for ever.
  await until('every call is answered', () => calls.pending() === 0);
  expect(calls.failures).toEqual([]);

  proxy.resume();
  await eventually(() => far.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  await eventually(async () => (await far.set('k', 'v')).delivered).toBe(true);
  await eventually(async () => {
    await far.set('k', 'v');
    return near.get('k');
  }).toBe('v');
});

test('while the connection is half-open nothing older than the lease is served', async () => {
  for (let round = 0; round < 3; round++) {
    await eventually(async () => (await near.set('k', round)).stored).toBe(true);
    const seen = watch(far, 'k');
    await until('the far instance has the value', () => seen.has(round));
    proxy.silence();
    expect(await near.delete('k')).toEqual({ delivered: true });
    const deletedMs = Date.now();
    await pause(2 * LEASE_MS);

    expect(far.peek('k')).toBeUndefined();
    expect(seen.get(round)).toBeLessThanOrEqual(deletedMs + LEASE_MS);
    proxy.resume();
    await eventually(() => far.health().state).toBe('coherent');
    expect(await far.get('k')).toBeUndefined();
  }
});

describe.each(['commands', 'tail', 'bus'])('when only the connection for %s goes silent', (role) => {
  test('it is replaced, nothing hangs and nothing stays stale', async () => {
    await share(near, [far], ['k', 'old']);
    const calls = callEverything(far);
    const links = () => proxy.connections(`tierwise:${name}:${role}`);
    // The bus may come up after the other two, and a busy machine may have given up any of them.
    await eventually(() => links().length).toBeGreaterThan(0);
    const [link] = links();
    link?.silence();
    await near.delete('k');

    // Either a bus that still lives or a tail tells; else the proof runs out.
    await until('the value is gone', () => far.peek('k') === undefined);
    // A busy machine may have given it up already, so that the next one was accepted before.
    await until('the connection was replaced', () => link?.isOpen === false && links().length > 0);
    calls.stop();
    await until('every call is answered', () => calls.pending() === 0);
    expect(calls.failures).toEqual([]);
    await eventually(() => far.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  });
});

test('a delete that could not be sent reaches the others once the line is back', async () => {
  await share(near, [far], ['k', 'old']);
  proxy.silence();

  expect(await far.delete('k')).toEqual({ delivered: false });
  expect(await far.get('k')).toBeUndefined();
  await eventually(() => near.get('k')).toBe('old');

  proxy.resume();
  await eventually(() => near.get('k')).toBeUndefined();
  expect(await far.get('k')).toBeUndefined();
});

test('7: a write that got stuck on the way never arrives late', async () => {
  const client = openClient();
  await near.set('k', 'old');
  await far.get('k');
  const stuck = proxy.connections();
  for (const connection of stuck) connection.hold();

  expect(await far.set('k', 'late')).toEqual({ stored: false, outdated: false, delivered: false });
  expect((await near.set('k', 'newer')).stored).toBe(true);
  await until('the stuck connections were given up', () => stuck.every((connection) => !connection.isOpen));
  for (const connection of stuck) connection.resume();

  await eventually(() => far.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  await eventually(() => near.get('k')).toBeUndefined();
  expect(await client.exists(`${name}:k`)).toBe(0);
  // The two sets of the near instance, and the invalidation that the stuck one became: it was never run itself.
  expect(await client.xlen(`${name}#log`)).toBe(3);
});

test('a server that accepts connections and never answers is as good as none', async () => {
  proxy.silence();
  const cache = openFar();
  expect((await cache.ready()).state).not.toBe('coherent');
  expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await cache.delete('k')).toEqual({ delivered: false });
  proxy.resume();
  await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
});

test('a slow line is slow and nothing else', async () => {
  proxy.slow({ delayMs: 20 });
  await eventually(async () => {
    await far.set('k', 'v', { tags: ['t'] });
    return near.get('k');
  }).toBe('v');
  await near.invalidateTags(['t']);
  await eventually(() => far.get('k')).toBeUndefined();
  await eventually(() => far.health().state).toBe('coherent');
});

test('a line slower than the lease proves nothing, and the loader answers', async () => {
  proxy.slow({ delayMs: LEASE_MS });
  await eventually(() => far.health().state).not.toBe('coherent');
  await near.set('k', 'shared');
  expect(await far.getOrSet('k', () => 'loaded')).toBe('loaded');
  proxy.resume();
  await eventually(() => far.health().state).toBe('coherent');
});

test('connections that are cut again and again are made again, and nothing stays stale', async () => {
  for (let round = 0; round < 10; round++) {
    proxy.cut('reset', 'refused');
    await near.set('k', round);
    expect(await far.getOrSet(`other${round}`, () => 'loaded')).toBe('loaded');
    proxy.resume();
    await eventually(() => far.get('k')).toBe(round);
  }
});
