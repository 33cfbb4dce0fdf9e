import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { openCache, openClient, openReady, share, uniqueName } from './support/caches.ts';
import { Instance, type RemoteCache, startInstances } from './support/instance.ts';
import { eventually, pause, until } from './support/until.ts';

const LEASE_MS = 1_000;

/** A gate for a loader or a write: told when it is reached, passed when the test says so. */
function gate<V>() {
  const reached = Promise.withResolvers<void>();
  const passed = Promise.withResolvers<V>();
  const wait = (): Promise<V> => {
    reached.resolve();
    return passed.promise;
  };
  return { wait, reached: reached.promise, pass: passed.resolve };
}

test('close() does not wait for a guarded write, which ends undelivered, under a fence that runs out', async () => {
  const name = uniqueName();
  const [closing, other] = await Promise.all([openReady({ name }), openReady({ name })]);
  const writing = gate<string>();
  const guarded = closing.mutate({ keys: ['k'] }, () => writing.wait(), { fence: '3s' });
  await writing.reached;
  await closing.close();
  expect(await openClient().hexists(`${name}#meta`, 'fences')).toBe(1);
  writing.pass('written');
  expect(await guarded).toMatchObject({ value: 'written', delivered: false });
  expect(closing.health()).toMatchObject({ state: 'closed', journaled: 1 });
  await eventually(async () => (await other.set('k', 'new')).stored).toBe(true);
});

describe('a process that is killed inside a guarded write', () => {
  test('leaves fences that run out as an event; what was loaded under them is stored nowhere', async () => {
    const name = uniqueName();
    const url = inject('redisUrl');
    const client = openClient();
    const victim = await Instance.start();
    onTestFinished(() => victim.stop());
    const writing = gate<void>();
    const dying = await victim.open(name, { url, leaseMs: LEASE_MS, database: () => writing.wait() });
    const [one, two] = [1, 2].map(() => openCache({ name, coherence: { lease: LEASE_MS } }));
    await Promise.all([one?.ready(), two?.ready()]);
    await one?.set('k', 'old');

    const mutation = dying.call('mutate', { keys: ['k'], tags: ['t'] }, { fence: '1s' });
    mutation.catch(() => {});
    await writing.reached;
    expect(await client.exists(`${name}:k`)).toBe(0);
    const [byKey, byTag] = [gate<string>(), gate<string>()];
    const reads = [one?.getOrSet('k', byKey.wait), two?.getOrSet('tagged', byTag.wait, { tags: ['t'] })];
    await Promise.all([byKey.reached, byTag.reached]);
    victim.signal('SIGKILL');
    expect(await one?.set('k', 'raced')).toMatchObject({ stored: false });

    const lifts = async () =>
      (await client.xrange(`${name}#log`, '-', '+')).filter(([, [, text]]) => text?.includes('"l"'));
    await until('the fence ran out', async () => (await lifts()).length > 0);
    expect(await client.hexists(`${name}#meta`, 'fences')).toBe(0);
    const [[, [, text = '']] = ['', ['', '']]] = await lifts();
    expect(JSON.parse(text)).toMatchObject({ k: ['k'], t: ['t'] });
    expect(await lifts()).toHaveLength(1);

    byKey.pass('old');
    byTag.pass('old');
    expect(await Promise.all(reads)).toEqual(['old', 'old']);
    await pause(50);
    expect(await client.exists(`${name}:k`, `${name}:tagged`)).toBe(0);
    for (const cache of [one, two]) for (const key of ['k', 'tagged']) expect(cache?.peek(key)).toBeUndefined();
    expect(await two?.getOrSet('k', () => 'new')).toBe('new');
    // What is loaded before the end of the fence is heard of is stored nowhere.
    await eventually(async () => {
      await two?.getOrSet('k', () => 'new');
      return client.exists(`${name}:k`);
    }).toBe(1);
    await eventually(() => one?.get('k')).toBe('new');
  });
});

describe('linearizable', () => {
  /** Three processes that read one key without a pause, and a source that guarded writes change. */
  async function open(leaseMs: number) {
    const name = uniqueName();
    const url = inject('redisUrl');
    const instances = await startInstances(3);
    onTestFinished(async () => {
      await Promise.all(instances.map((instance) => instance.stop()));
    });
    let row = 0;
    const database = async (key: string): Promise<number> => {
      if (key === 'write') return ++row;
      const value = row;
      // Some loads are slow enough to span a whole write.
      if (value % 3 === 0) await pause(8);
      return value;
    };
    const caches = await Promise.all(instances.map((each) => each.open(name, { url, leaseMs, database })));
    await Promise.all(caches.map((cache) => cache.call('watch', 'k')));
    // A list that is young would have the lease waited out.
    const client = openClient();
    for (const key of ['meta', 'members']) await client.hset(`${name}#${key}`, 'begun', Date.now() - 3_600_000);
    return { instances, caches: caches as [RemoteCache, RemoteCache, RemoteCache], row: () => row };
  }

  async function expectGone(caches: readonly RemoteCache[], value: number, sinceMs: number): Promise<void> {
    for (const cache of caches) {
      const lastBeganMs = (await cache.call('watched', 'k')).get(value) ?? 0;
      expect(lastBeganMs, `the old value ${value}`).toBeLessThanOrEqual(sinceMs);
    }
  }

  test('once it has resolved no instance answers the old value, in round after round', async () => {
    // All of them answer: a lease of ten minutes that anybody waited out would outlast the test.
    const { caches, row } = await open(600_000);
    for (let round = 0; round < 60; round++) {
      const old = row();
      await eventually(async () => (await caches[round % 3]?.call('watched', 'k'))?.has(old)).toBe(true);
      const result = await caches[(round + 1) % 3]?.call('mutate', { keys: ['k'] }, { consistency: 'linearizable' });
      const resolvedMs = Date.now();
      expect(result).toEqual({ value: old + 1, delivered: true, fenced: true, linearized: true });
      expect(await Promise.all(caches.map((cache) => cache.call('getOrSet', 'k', [])))).toEqual([
        old + 1,
        old + 1,
        old + 1,
      ]);
      await expectGone(caches, old, resolvedMs);
    }
  });

  test('a member that is stopped is waited out for its own lease', async () => {
    const { instances, caches, row } = await open(LEASE_MS);
    const [a, , c] = caches;
    for (let round = 0; round < 4; round++) {
      const old = row();
      await eventually(() => c.call('peek', 'k')).toBe(old);
      instances[2]?.signal('SIGSTOP');
      const startedMs = performance.now();
      const result = await a.call('mutate', { keys: ['k'] }, { consistency: 'linearizable' });
      const [resolvedMs, tookMs] = [Date.now(), performance.now() - startedMs];
      instances[2]?.signal('SIGCONT');
      expect(result).toMatchObject({ delivered: true, linearized: true });
      expect(tookMs).toBeGreaterThan(LEASE_MS);
      await until('it reads the new value', async () => (await c.call('watched', 'k')).has(old + 1));
      await expectGone(caches, old, resolvedMs);
    }
  });
});

describe('with a Redis that goes away', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test('inside a write: the signal fires, the result tells, the invalidation follows; before one: it is not begun', async () => {
    const name = uniqueName();
    const options = { name, coherence: { lease: LEASE_MS } } as const;
    const remote = { url: server.url, commandTimeout: '1s' } as const;
    const [one, two] = [openCache(options, remote), openCache(options, remote)];
    await Promise.all([one.ready(), two.ready()]);
    await share(one, [two], ['k', 'old']);

    const result = await one.mutate(
      { keys: ['k'] },
      async ({ signal }) => {
        await server.kill('SIGSTOP');
        await until('the signal fires', () => signal.aborted);
        expect(signal.reason).toMatchObject({ code: 'FENCE_LOST' });
        return 'written';
      },
      { fence: '1s' },
    );
    expect(result).toEqual({ value: 'written', delivered: false, fenced: false, linearized: false });
    expect(one.health().journaled).toBe(1);
    let ran = false;
    const refused = one.mutate({ keys: ['k'] }, () => {
      ran = true;
    });
    await expect(refused).rejects.toMatchObject({ code: 'FENCE_UNAVAILABLE' });
    expect(ran).toBe(false);

    await server.kill('SIGCONT');
    await eventually(() => one.health()).toMatchObject({ state: 'coherent', journaled: 0 });
    await eventually(() => two.get('k')).toBeUndefined();
    expect(await one.mutate({ keys: ['k'] }, () => 'again')).toMatchObject({ delivered: true, fenced: true });
    await eventually(async () => (await two.set('k', 'new')).stored).toBe(true);
  });
});

test('fences of several instances over one name are lifted one by one', async () => {
  const name = uniqueName();
  const caches = [1, 2, 3].map(() => openCache({ name }));
  await Promise.all(caches.map((cache) => cache.ready()));
  const gates = caches.map(() => gate<void>());
  const mutations = caches.map((cache, index) => cache.mutate({ prefixes: ['p:'] }, gates[index]?.wait ?? (() => {})));
  await Promise.all(gates.map(({ reached }) => reached));
  for (const [index, cache] of caches.entries()) {
    expect(await cache.set('p:k', index)).toMatchObject({ stored: false });
    gates[index]?.pass();
    expect(await mutations[index]).toMatchObject({ delivered: true, fenced: true });
  }
  await eventually(async () => (await caches[0]?.set('p:k', 'free'))?.stored).toBe(true);
});
