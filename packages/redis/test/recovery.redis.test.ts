import type { Redis } from 'ioredis';
import type { Cache } from 'tierwise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { killLinks, openCache, openClient, share, subscribed, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

let server: Server;
let client: Redis;
let name: string;
let one: Cache;
let two: Cache;

beforeAll(async () => {
  server = await startRedis();
});

afterAll(() => server.stop());

beforeEach(async () => {
  client = openClient(server.url);
  name = uniqueName();
  [one, two] = [openCache(options(), { url: server.url }), openCache(options(), { url: server.url })];
  await Promise.all([one.ready(), two.ready()]);
});

const options = () => ({ name, coherence: { lease: '3s' } }) as const;

/** Both instances hold the same newest value, and forget it when either is told to. */
async function expectWorking(): Promise<void> {
  await eventually(() => Promise.all([one.health().state, two.health().state])).toEqual(['coherent', 'coherent']);
  await eventually(async () => {
    await one.set('probe', 'v');
    return two.get('probe');
  }).toBe('v');
  expect(await two.delete('probe')).toEqual({ delivered: true });
  await eventually(() => one.get('probe')).toBeUndefined();
}

test('scripts that the server has forgotten are sent again', async () => {
  for (let round = 0; round < 3; round++) {
    await client.script('FLUSH');
    expect(await one.set('k', round)).toEqual({ stored: true, outdated: false, delivered: true });
    await client.script('FLUSH');
    expect(await one.delete('k')).toEqual({ delivered: true });
    await client.script('FLUSH');
    expect(await one.getOrSet('k', () => 'loaded')).toBe('loaded');
  }
  await expectWorking();
});

describe.each(['commands', 'tail', 'bus'])('when the connection for %s is killed', (role) => {
  test('it is made again, every read is answered and all works on', async () => {
    await one.set('k', 'v');
    await two.get('k');
    for (let round = 0; round < 5; round++) {
      await eventually(() => killLinks(client, name, role)).toBeGreaterThan(0);
      expect(await one.getOrSet(`k${round}`, () => round)).toBe(round);
      expect(['v', 'loaded']).toContain(await two.getOrSet('k', () => 'loaded'));
    }
    await expectWorking();
  });

  test('no invalidation is lost', async () => {
    for (let round = 0; round < 5; round++) {
      // A set that fails is journaled, and its delivery forgets what a later set stored: nothing is lost but time.
      await eventually(async () => {
        await one.set('k', round);
        return two.get('k');
      }).toBe(round);
      const killed = killLinks(client, name, role);
      const { delivered } = await one.delete('k');
      await killed;
      if (!delivered) await eventually(() => one.health().journaled).toBe(0);
      await eventually(() => two.get('k')).toBeUndefined();
      await eventually(() => two.health().state).toBe('coherent');
    }
  });
});

test('the bus brings events long before a tail would', async () => {
  const options = { name: uniqueName(), coherence: { lease: '5m' } } as const;
  const [writer, reader] = [openCache(options, { url: server.url }), openCache(options, { url: server.url })];
  await Promise.all([writer.ready(), reader.ready()]);
  for (let round = 0; round < 10; round++) {
    await writer.set('k', round);
    await eventually(() => reader.get('k')).toBe(round);
  }
  await writer.clear();
  await eventually(() => reader.peek('k')).toBeUndefined();
  expect(reader.stats().invalidations.received).toBeGreaterThan(5);
});

test.each([
  ['skips one', (epoch: string, seq: number) => `1 ${epoch} ${seq + 2} {"k":["x"]}`],
  ['is of an epoch nobody knows', () => `1 ${'9'.repeat(32)} 1 {"k":["x"]}`],
  ['is of a format of another time', () => '2 something else'],
])('a message of the bus that %s is answered with a tail at once', async (_what, message) => {
  const cache = openCache({ name: uniqueName(), coherence: { lease: '5m' } }, { url: server.url });
  await cache.set('k', 'v');
  // A bus that comes up asks for a tail by itself.
  await subscribed(cache.name, 1, client);
  const provedMs = () => Date.now() - cache.health().proofAgeMs;
  const before = Date.now();
  await eventually(() => Date.now()).toBeGreaterThan(before + 50);

  const { epoch = '', seq = '' } = await client.hgetall(`${cache.name}#meta`);
  await client.publish(`${cache.name}#bus:0`, message(epoch, Number(seq)));

  await eventually(provedMs).toBeGreaterThan(before + 25);
});

test('own calls hold at once though the state behind them was lost meanwhile', async () => {
  for (let round = 0; round < 10; round++) {
    await eventually(async () => {
      await one.set('k', round, { tags: ['t'] });
      return one.peek('k');
    }).toBe(round);
    await client.del(`${name}#meta`);
    expect(await one.invalidateTags(['t'])).toEqual({ delivered: true });
    expect(one.peek('k')).toBeUndefined();
    expect(await one.get('k')).toBeUndefined();
  }
});

test('a bus that was deaf for a while is caught up by a tail', async () => {
  await share(one, [two], ['k', 'old']);
  await killLinks(client, name, 'bus');
  await one.delete('k');
  await eventually(() => two.peek('k')).toBeUndefined();
});

test('after FLUSHALL nothing older is served, and everything is cached anew', async () => {
  await share(one, [two], ['k', 'old', ['t']]);
  const epoch = await client.hget(`${name}#meta`, 'epoch');

  await client.flushall();
  await one.delete('other');

  await eventually(() => two.get('k')).toBeUndefined();
  await expectWorking();
  expect(await client.hget(`${name}#meta`, 'epoch')).not.toBe(epoch);
});

describe.each(['meta', 'fence', 'log'])('when %s is evicted', (part) => {
  test('nothing that was invalidated comes back, and all works on', async () => {
    await share(one, [two], ['k', 'old', ['t']]);
    await one.invalidateTags(['t']);
    expect(await client.exists(`${name}:k`)).toBe(1);

    await client.del(`${name}#${part}`);

    const late = openCache(options(), { url: server.url });
    expect(await late.get('k')).toBeUndefined();
    await eventually(() => two.get('k')).toBeUndefined();
    await expectWorking();
  });

  test('a load that began before a delete is stored nowhere', async () => {
    let finish = (_value: string): void => {};
    const load = one.getOrSet('k', () => new Promise<string>((resolve) => (finish = resolve)));
    await eventually(() => one.stats().loads.running).toBe(1);
    await two.delete('k');
    await client.del(`${name}#${part}`);
    finish('old');
    expect(await load).toBe('old');

    await eventually(() => one.stats().loads.unkept).toBe(1);
    await expectWorking();
    expect(await one.get('k')).toBeUndefined();
    expect(await openCache(options(), { url: server.url }).get('k')).toBeUndefined();
  });
});

test('an entry that was evicted is loaded again', async () => {
  await one.set('k', 'old');
  await client.del(`${name}:k`);
  expect(await two.getOrSet('k', () => 'loaded')).toBe('loaded');
  // What is loaded before the set is heard of is stored nowhere.
  await eventually(async () => {
    await two.getOrSet('k', () => 'loaded');
    return client.exists(`${name}:k`);
  }).toBe(1);
});

test('a server that blocks everybody longer than the deadline keeps nobody waiting longer', async () => {
  const options = { name: uniqueName(), coherence: { lease: '2s' } } as const;
  const cache = openCache(options, { url: server.url, commandTimeout: '300ms' });
  await cache.ready();
  await cache.set('k', 'old');
  await client.call('CLIENT', 'PAUSE', '6000', 'ALL');
  let isOver = false;
  const over = client.ping().then(() => {
    isOver = true;
  });

  const answers = await Promise.all([
    cache.getOrSet('x', () => 'loaded'),
    cache.delete('k'),
    cache.set('y', 1),
    cache.getMany(['a', 'b']),
  ]);

  expect(isOver).toBe(false);
  expect(answers).toEqual([
    'loaded',
    { delivered: false },
    { stored: false, outdated: false, delivered: false },
    [undefined, undefined],
  ]);
  await over;
  await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
  expect(await cache.get('k')).toBeUndefined();
  expect(await cache.get('y')).toBeUndefined();
});
