import { randomEpoch } from 'tierwise/driver';
import { describe, expect, test } from 'vitest';
import { openClient, uniqueName } from './support/caches.ts';
import { type EntryArgs, ScriptPartition } from './support/script-partition.ts';

const EPOCH = 'e'.repeat(32);
const NEXT_EPOCH = 'f'.repeat(32);
const TIMELINE = 'a'.repeat(40);
const OTHER_TIMELINE = 'b'.repeat(40);

async function openPartition(): Promise<ScriptPartition> {
  const partition = new ScriptPartition(openClient(), uniqueName());
  await partition.invalidate({ keys: ['seed'] }, EPOCH);
  await partition.invalidate({ tags: ['seed'] });
  return partition;
}

function entry(key: string, lease: number, epoch: string = EPOCH): EntryArgs {
  return { key, lease, epoch };
}

/** Each script as a call that would start an epoch, with the reply that a new epoch brings. */
const CALLS = {
  'invalidate-names': (p: ScriptPartition, epoch: string) => p.invalidate({ keys: ['k'] }, epoch),
  'read-tail': (p: ScriptPartition, epoch: string) => p.tail(EPOCH, 1, 1_000, epoch),
  'fill-entries': (p: ScriptPartition, epoch: string) => p.fill([entry('k', 2)], epoch),
  'set-entries': (p: ScriptPartition, epoch: string) => p.set([entry('k', 2)], epoch),
  'renew-fence': (p: ScriptPartition, epoch: string) => p.renewFence('f', 1_000, epoch),
  'read-members': (p: ScriptPartition, epoch: string) => p.members(epoch),
};

/** Scripts whose answer begins with the epoch. */
const TELLS_EPOCH = new Set(['invalidate-names', 'read-tail', 'fill-entries', 'set-entries']);

const LOSSES = {
  'meta is gone': (p: ScriptPartition) => p.client.del(p.names.state[0]),
  'fence is gone': (p: ScriptPartition) => p.client.del(p.names.state[1]),
  'the fence is of another epoch': (p: ScriptPartition) => p.client.hset(p.names.state[1], 'epoch', 'd'.repeat(32)),
  'meta has lost its sequence': (p: ScriptPartition) => p.client.hdel(p.names.state[0], 'seq'),
  'meta has lost its timeline': (p: ScriptPartition) => p.client.hdel(p.names.state[0], 'timeline'),
  'meta has lost its format': (p: ScriptPartition) => p.client.hdel(p.names.state[0], 'format'),
};

describe.each(Object.entries(CALLS))('%s', (name, call) => {
  test.each(Object.entries(LOSSES))('starts a new epoch when %s', async (_loss, lose) => {
    const partition = await openPartition();
    await partition.client.set(partition.names.entry('k'), 'old');
    await lose(partition);

    const reply = await call(partition, NEXT_EPOCH);

    const isEvent = name === 'invalidate-names' || name === 'set-entries';
    expect(reply[0]).toBe('OK');
    if (TELLS_EPOCH.has(name)) expect(reply.slice(1, 3)).toEqual([NEXT_EPOCH, isEvent ? 1 : 0]);
    const { meta, fence, log } = await partition.state();
    const lease = name === 'read-tail' ? { lease: '2000', leaseAt: expect.stringMatching(/^\d+$/) } : {};
    const opened = { epoch: NEXT_EPOCH, timeline: TIMELINE, seq: isEvent ? '1' : '0', begun: expect.any(String) };
    expect(meta).toEqual({ format: '1', ...opened, ...lease });
    const [seconds] = await partition.client.time();
    expect(Math.abs(Number(meta['begun']) - Number(seconds) * 1_000)).toBeLessThan(60_000);
    expect(fence['epoch']).toBe(NEXT_EPOCH);
    expect(Object.keys(fence)).toHaveLength(isEvent ? 2 : 1);
    expect(log.map(([id]) => id)).toEqual(isEvent ? ['1-0'] : []);
  });

  test('changes nothing on another timeline, and names the one of the state', async () => {
    const partition = await openPartition();
    await partition.client.set(partition.names.entry('k'), 'old');
    const before = await partition.state();
    partition.timeline = OTHER_TIMELINE;

    expect(await call(partition, NEXT_EPOCH)).toEqual(['TIMELINE', TIMELINE]);

    expect(await partition.state()).toEqual(before);
    expect(await partition.client.get(partition.names.entry('k'))).toBe('old');
  });

  // Another format may do without what looks lost here.
  test.each(['complete', 'without a fence'])('changes nothing in state of another format, %s', async (kind) => {
    const partition = await openPartition();
    await partition.client.hset(partition.names.state[0], 'format', '2');
    if (kind === 'without a fence') await partition.client.del(partition.names.state[1]);
    const before = await partition.state();

    expect(await call(partition, NEXT_EPOCH)).toEqual(['FORMAT', '2']);
    expect(await partition.state()).toEqual(before);
  });

  test('goes on in the same epoch when nothing was lost', async () => {
    const partition = await openPartition();
    await call(partition, NEXT_EPOCH);
    expect((await partition.state()).meta['epoch']).toBe(EPOCH);
  });
});

test('entries and events of the epoch before are worth nothing in the next one', async () => {
  const partition = await openPartition();
  expect(await partition.fill([entry('k', 2)])).toEqual(['OK', EPOCH, 2, 1]);
  await partition.client.del(partition.names.state[0]);
  await partition.tail('', 0, 1_000, NEXT_EPOCH);

  expect(await partition.fill([entry('k', 0)])).toEqual(['OK', NEXT_EPOCH, 0, 4]);
  expect(await partition.fill([entry('k', 0, NEXT_EPOCH)])).toEqual(['OK', NEXT_EPOCH, 0, 1]);
});

test('a list of members that was lost is young, whatever the age of the epoch', async () => {
  const hourMs = 3_600_000;
  const partition = await openPartition();
  const ageMs = async (): Promise<number> => Number((await partition.members())[1]);
  await ageMs();
  const { client, names } = partition;
  for (const key of [names.state[0], names.members]) await client.hincrby(key, 'begun', -hourMs);
  expect(await ageMs()).toBeGreaterThanOrEqual(hourMs);
  await client.del(names.members);
  expect(await ageMs()).toBeLessThan(hourMs);
});

describe('adopt-timeline', () => {
  test('starts an epoch on the timeline of the server', async () => {
    const partition = await openPartition();

    expect(await partition.adopt(TIMELINE, NEXT_EPOCH, OTHER_TIMELINE)).toEqual(['OK', NEXT_EPOCH]);

    const { meta, fence, log } = await partition.state();
    expect(meta).toEqual({
      format: '1',
      epoch: NEXT_EPOCH,
      timeline: OTHER_TIMELINE,
      seq: '0',
      begun: expect.stringMatching(/^\d{13}$/),
    });
    expect(fence).toEqual({ epoch: NEXT_EPOCH });
    expect(log).toEqual([]);
  });

  test('changes nothing in state of another format', async () => {
    const partition = await openPartition();
    await partition.client.hset(partition.names.state[0], 'format', '2');
    const before = await partition.state();
    expect(await partition.adopt(TIMELINE, NEXT_EPOCH, OTHER_TIMELINE)).toEqual(['FORMAT', '2']);
    expect(await partition.state()).toEqual(before);
  });

  test('happens once: whoever comes second finds the timeline changed', async () => {
    const partition = await openPartition();
    const epochs = Array.from({ length: 20 }, randomEpoch);

    const replies = await Promise.all(epochs.map((epoch) => partition.adopt(TIMELINE, epoch, OTHER_TIMELINE)));

    expect(new Set(replies.map((reply) => reply[1]))).toEqual(new Set([epochs[0]]));
    expect((await partition.state()).meta['epoch']).toBe(epochs[0]);
  });
});
