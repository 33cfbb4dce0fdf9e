import { decodeMessage, fenceSlot, floorBucket } from 'tierwise/driver';
import { expect, test } from 'vitest';
import { openClient, uniqueName } from './support/caches.ts';
import { ScriptPartition } from './support/script-partition.ts';
import { until } from './support/until.ts';

const EPOCH = 'e'.repeat(32);

test('each event takes the next number and closes the fence slots of its keys', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName());

  expect(await partition.invalidate({ keys: ['a'] }, EPOCH)).toEqual(['OK', EPOCH, 1]);
  expect(await partition.invalidate({ keys: ['b', 'c'] })).toEqual(['OK', EPOCH, 2]);
  expect(await partition.invalidate({ tags: ['t'] })).toEqual(['OK', EPOCH, 3]);
  expect(await partition.invalidate({ keys: ['a'] })).toEqual(['OK', EPOCH, 4]);

  const { meta, fence } = await partition.state();
  expect(meta['seq']).toBe('4');
  expect(fence).toEqual({ epoch: EPOCH, [fenceSlot('a')]: '4', [fenceSlot('b')]: '2', [fenceSlot('c')]: '2' });
});

test('its entries are dropped, others stay', async () => {
  const client = openClient();
  const partition = new ScriptPartition(client, uniqueName());
  await partition.invalidate({ clear: true }, EPOCH);
  await partition.fill(['a', 'b', 'c'].map((key) => ({ key, epoch: EPOCH, lease: 1 })));

  await partition.invalidate({ keys: ['a', 'c'] });

  expect(await Promise.all(['a', 'b', 'c'].map((key) => client.exists(partition.names.entry(key))))).toEqual([0, 1, 0]);
});

test('the log keeps every event under its number', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName());
  await partition.invalidate({ keys: ['a', 'snow ☃'] });
  await partition.invalidate({ tags: ['t'], prefixes: ['p:'] });
  await partition.invalidate({ clear: true });

  expect((await partition.state()).log).toEqual([
    ['1-0', '{"k":["a","snow ☃"]}'],
    ['2-0', '{"t":["t"],"p":["p:"]}'],
    ['3-0', '{"c":1}'],
  ]);
});

test('the message carries format, epoch, number and event, and messages come in log order', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName());
  const subscriber = openClient();
  const messages: string[] = [];
  subscriber.on('message', (channel, text) => {
    if (channel === partition.names.channel) messages.push(text);
  });
  await subscriber.subscribe(partition.names.channel);

  await partition.invalidate({ keys: ['a b', 'ü'] }, EPOCH);
  await Promise.all(Array.from({ length: 200 }, (_, index) => partition.invalidate({ keys: [`k${index}`] })));

  await until('all messages are in', () => messages.length === 201);
  expect(messages[0]).toBe(`1 ${EPOCH} 1 {"k":["a b","ü"]}`);
  expect(decodeMessage(messages[0] ?? '')).toEqual({
    epoch: EPOCH,
    seq: 1,
    invalidation: { keys: ['a b', 'ü'], tags: [], prefixes: [], patterns: [], clear: false },
    fence: undefined,
  });
  const { log } = await partition.state();
  expect(messages.map((text) => text.split(' ')[2])).toEqual(log.map(([id]) => id.replace('-0', '')));
  expect(messages.map((text) => text.split(' ').slice(3).join(' '))).toEqual(log.map(([, event]) => event));
});

test('tags, prefixes and the whole cache get the number as their version', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName());
  const field = (kind: 't' | 'p', name: string): string => `${kind}:${floorBucket(kind, name)}:${name}`;

  await partition.invalidate({ tags: ['one', 'two: with colon'], prefixes: ['user:7:'] });
  await partition.invalidate({ clear: true });
  await partition.invalidate({ tags: ['one'] });

  const { meta } = await partition.state();
  expect(meta).toMatchObject({
    seq: '3',
    clear: '2',
    versions: '3',
    [field('t', 'one')]: '3',
    [field('t', 'two: with colon')]: '1',
    [field('p', 'user:7:')]: '1',
  });
});

test('past its limit the older half of the versions becomes floors of their buckets', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName(), { maxVersions: 4 });
  const tags = ['t1', 't2', 't3', 't4', 't5'];
  for (const tag of tags) await partition.invalidate({ tags: [tag] });

  const { meta } = await partition.state();
  const held = Object.keys(meta).filter((name) => /^[tp]:/.test(name));
  expect(held.map((name) => name.split(':')[2]).sort()).toEqual(['t3', 't4', 't5']);
  expect(meta['versions']).toBe('3');
  expect(meta[`f:${floorBucket('t', 't1')}`]).toBe('1');
  expect(meta[`f:${floorBucket('t', 't2')}`]).toBe('2');
  expect(Object.keys(meta).filter((name) => name.startsWith('f:'))).toHaveLength(2);
});

test('however often versions are pruned, none is forgotten without its floor, and a floor never sinks', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName(), { maxVersions: 16 });
  const last = new Map<string, number>();
  let seq = 0;
  for (let i = 0; i < 300; i++) {
    const tag = `tag-${(i * 7) % 40}`;
    last.set(tag, ++seq);
    const before = (await partition.state()).meta;
    await partition.invalidate({ tags: [tag] });
    const { meta } = await partition.state();

    for (const [name, version] of Object.entries(before)) {
      if (name.startsWith('f:')) expect(Number(meta[name])).toBeGreaterThanOrEqual(Number(version));
    }
    for (const [name, version] of last) {
      const bucket = floorBucket('t', name);
      const known = Number(meta[`t:${bucket}:${name}`] ?? meta[`f:${bucket}`] ?? 0);
      expect(known).toBeGreaterThanOrEqual(version);
    }
    expect(Object.keys(meta).filter((name) => /^[tp]:/.test(name)).length).toBe(Number(meta['versions']));
    expect(Number(meta['versions'])).toBeLessThanOrEqual(16);
  }
});

test('the log is bounded', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName(), { logEvents: 100 });
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 100 }, (_, index) => partition.invalidate({ keys: [`k${index}`] })));
  }

  const { log } = await partition.state();
  // Trimmed by whole nodes of the stream, which hold up to 100 entries.
  expect(log.length).toBeGreaterThanOrEqual(100);
  expect(log.length).toBeLessThan(300);
  expect(log.at(-1)?.[0]).toBe('1000-0');
});

test('one event takes the most keys a call may have', async () => {
  const client = openClient();
  const partition = new ScriptPartition(client, uniqueName());
  const keys = Array.from({ length: 500 }, (_, index) => `key:${index}`);
  const tags = Array.from({ length: 500 }, (_, index) => `tag:${index}`);

  expect((await partition.invalidate({ keys }, EPOCH)).slice(0, 3)).toEqual(['OK', EPOCH, 1]);
  expect((await partition.invalidate({ tags })).slice(0, 3)).toEqual(['OK', EPOCH, 2]);
  const { meta, fence } = await partition.state();
  expect(meta['versions']).toBe('500');
  expect(Object.keys(fence)).toHaveLength(1 + new Set(keys.map(fenceSlot)).size);
});

test('large events leave room for fewer in the log', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName());
  const names = Array.from({ length: 500 }, (_, index) => `${index}`.padEnd(1_024, 'x'));
  for (let i = 0; i < 40; i++) await partition.invalidate({ keys: names }, EPOCH);
  const { log } = await partition.state();
  const bytes = log.reduce((sum, [, text]) => sum + text.length, 0);
  expect(log.length).toBeGreaterThan(10);
  expect(bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
  // Whoever is further behind starts over.
  expect((await partition.tail(EPOCH, 0))[5]).toBe('SNAPSHOT');
  expect((await partition.tail(EPOCH, 35))[5]).toBe('EVENTS');
});

test('fences that together name too much are refused', async () => {
  const partition = new ScriptPartition(openClient(), uniqueName());
  const keys = Array.from({ length: 500 }, (_, index) => `${index}`.padEnd(1_024, 'x'));
  const closing = (id: string) => ({ kind: 'close', id, lifeMs: 60_000, isExclusive: false }) as const;
  const replies: unknown[] = [];
  for (let i = 0; i < 5; i++) replies.push((await partition.invalidate({ keys }, EPOCH, closing(`f${i}`)))[0]);
  expect(replies).toEqual(['OK', 'OK', 'FULL', 'FULL', 'FULL']);
  await partition.invalidate({ keys }, EPOCH, { kind: 'lift', id: 'f0' });
  expect((await partition.invalidate({ keys }, EPOCH, closing('f5')))[0]).toBe('OK');
});
