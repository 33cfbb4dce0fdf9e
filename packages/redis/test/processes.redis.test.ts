import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { openClient, uniqueName } from './support/caches.ts';
import { type Database, Instance, type RemoteCache, startInstances } from './support/instance.ts';
import { eventually } from './support/until.ts';

/** Three processes, each with an instance of the test's cache. */
let instances: Instance[];
let name: string;
let caches: RemoteCache[];
let a: RemoteCache;
let b: RemoteCache;
let c: RemoteCache;
/** What loaders find, and how often they were asked for each key. */
let rows: Map<string, unknown>;
let loads: Map<string, number>;
/** Loads of these keys wait for their promise. */
let gates: Map<string, Promise<void>>;

const database: Database = async (key) => {
  const value = rows.get(key) ?? null;
  loads.set(key, (loads.get(key) ?? 0) + 1);
  await gates.get(key);
  return value;
};

beforeAll(async () => {
  instances = await startInstances(3);
});

afterAll(() => Promise.all(instances.map((instance) => instance.stop())));

beforeEach(async () => {
  name = uniqueName();
  [rows, loads, gates] = [new Map(), new Map(), new Map()];
  caches = await Promise.all(instances.map((instance) => open(instance)));
  [a, b, c] = caches as [RemoteCache, RemoteCache, RemoteCache];
});

afterEach(async () => {
  await Promise.all(caches.map((cache) => cache.instance.isRunning && cache.call('close')));
  expect(instances.map((instance) => instance.errorOutput)).toEqual(['', '', '']);
});

function open(instance: Instance, leaseMs: number = 10_000): Promise<RemoteCache> {
  return instance.open(name, { url: inject('redisUrl'), leaseMs, database });
}

function gate(key: string): () => void {
  let lift = (): void => {};
  gates.set(
    key,
    new Promise((resolve) => {
      lift = resolve;
    }),
  );
  return () => {
    gates.delete(key);
    lift();
  };
}

function readAll(key: string, tags: readonly string[] = []): Promise<unknown[]> {
  return Promise.all(caches.map((cache) => cache.call('getOrSet', key, tags)));
}

test('what one instance loaded, the others read', async () => {
  rows.set('k', 'v');
  expect(await a.call('getOrSet', 'k', [])).toBe('v');
  await eventually(() => openClient().exists(`${name}:k`)).toBe(1);
  expect(await readAll('k')).toEqual(['v', 'v', 'v']);
  expect(loads.get('k')).toBe(1);
});

test('a delete on one instance is seen by the others', async () => {
  for (let round = 0; round < 20; round++) {
    rows.set('k', round);
    await caches[round % 3]?.call('delete', 'k');
    await eventually(() => readAll('k')).toEqual([round, round, round]);
  }
});

test('a clear on one instance is seen by the others', async () => {
  const keys = ['one', 'two', 'three'];
  for (const key of keys) rows.set(key, `old ${key}`);
  for (const key of keys) await readAll(key);
  for (const key of keys) rows.set(key, `new ${key}`);

  expect(await b.call('clear')).toEqual({ delivered: true });

  for (const key of keys) await eventually(() => readAll(key)).toEqual(Array(3).fill(`new ${key}`));
});

test('a tag that one instance invalidates is invalid on the others, and other tags are not', async () => {
  for (const key of ['red', 'blue']) rows.set(key, 'old');
  await readAll('red', ['colour:red']);
  await readAll('blue', ['colour:blue']);
  for (const key of ['red', 'blue']) rows.set(key, 'new');

  expect(await c.call('invalidateTags', ['colour:red'])).toEqual({ delivered: true });

  await eventually(() => readAll('red')).toEqual(['new', 'new', 'new']);
  expect(await readAll('blue')).toEqual(['old', 'old', 'old']);
});

test('after its own delete an instance never sees the old value again, the others within an instant', async () => {
  for (let round = 0; round < 30; round++) {
    rows.set('k', round);
    expect(await a.call('delete', 'k')).toEqual({ delivered: true });
    expect(await a.call('getOrSet', 'k', [])).toBe(round);
  }
});

test('concurrent sets of one key leave all instances agreeing', async () => {
  for (let round = 0; round < 60; round++) {
    await Promise.all([
      a.call('set', 'k', `a${round}`, []),
      b.call('set', 'k', `b${round}`, []),
      ...(round % 3 === 0 ? [c.call('set', 'k', `c${round}`, [])] : []),
    ]);
    await eventually(async () => new Set(await Promise.all(caches.map((cache) => cache.call('get', 'k')))).size).toBe(
      1,
    );
  }
  // Agreed for good, not only at a lucky moment.
  const [first] = await Promise.all(caches.map((cache) => cache.call('get', 'k')));
  for (let i = 0; i < 5; i++) {
    expect(await Promise.all(caches.map((cache) => cache.call('get', 'k')))).toEqual([first, first, first]);
  }
});

test('a slow load that began before a delete on another instance is stored nowhere', async () => {
  const client = openClient();
  for (let round = 0; round < 5; round++) {
    const key = `k${round}`;
    rows.set(key, 'old');
    const lift = gate(key);
    const slow = a.call('getOrSet', key, []);
    await eventually(() => loads.get(key)).toBe(1);
    rows.set(key, 'new');
    expect(await b.call('delete', key)).toEqual({ delivered: true });
    lift();
    expect(await slow).toBe('old');

    await eventually(async () => (await a.call('stats')).unkept).toBe(round + 1);
    expect(await a.call('peek', key)).toBeUndefined();
    expect(await client.exists(`${name}:${key}`)).toBe(0);
    expect(await readAll(key)).toEqual(['new', 'new', 'new']);
  }
});

test('a slow load is stored nowhere when its tag or everything was invalidated meanwhile', async () => {
  const client = openClient();
  for (const [key, forget] of [
    ['tagged', () => b.call('invalidateTags', ['t'])],
    ['cleared', () => b.call('clear')],
  ] as const) {
    rows.set(key, 'old');
    const lift = gate(key);
    const slow = a.call('getOrSet', key, ['t']);
    await eventually(() => loads.get(key)).toBe(1);
    rows.set(key, 'new');
    await forget();
    lift();
    expect(await slow).toBe('old');
    await eventually(() => readAll(key, ['t'])).toEqual(['new', 'new', 'new']);
    await eventually(() => client.exists(`${name}:${key}`)).toBe(1);
  }
});

test('a reader that comes after the delete does not join the load that began before it', async () => {
  rows.set('k', 'old');
  const lift = gate('k');
  const slow = a.call('getOrSet', 'k', []);
  await eventually(() => loads.get('k')).toBe(1);
  rows.set('k', 'new');
  await a.call('delete', 'k');

  const reader = a.call('getOrSet', 'k', []);
  await eventually(() => loads.get('k')).toBe(2);
  lift();

  expect(await reader).toBe('new');
  expect(await slow).toBe('old');
  expect(await readAll('k')).toEqual(['new', 'new', 'new']);
});

test('an instance that starts late is coherent', async () => {
  rows.set('k', 'old');
  rows.set('tagged', 'old');
  await readAll('k');
  await readAll('tagged', ['t']);
  rows.set('k', 'new');
  rows.set('tagged', 'new');
  await a.call('delete', 'k');
  await a.call('invalidateTags', ['t']);

  await using late = await Instance.start();
  const cache = await open(late);
  expect(await cache.call('getOrSet', 'k', [])).toBe('new');
  expect(await cache.call('getOrSet', 'tagged', ['t'])).toBe('new');

  rows.set('k', 'newest');
  await b.call('delete', 'k');
  await eventually(() => cache.call('getOrSet', 'k', [])).toBe('newest');
});

test('an instance that is killed in the middle of loads and writes leaves the others working', async () => {
  await using doomed = await Instance.start();
  const cache = await open(doomed);
  rows.set('k', 'old');
  const lift = gate('slow');
  const lost = Promise.allSettled([
    cache.call('getOrSet', 'slow', []),
    ...Array.from({ length: 200 }, (_, index) => cache.call('set', `k${index}`, index, [])),
  ]);
  await eventually(() => loads.get('slow')).toBe(1);
  await doomed.stop();
  lift();
  await lost;

  for (let round = 0; round < 5; round++) {
    rows.set('k', round);
    expect(await a.call('delete', 'k')).toEqual({ delivered: true });
    await eventually(() => readAll('k')).toEqual([round, round, round]);
  }
  expect(await b.call('getOrSet', 'slow', [])).toBeNull();
});
