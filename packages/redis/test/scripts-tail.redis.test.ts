import { expect, test } from 'vitest';
import { openClient, uniqueName } from './support/caches.ts';
import { ScriptPartition } from './support/script-partition.ts';

const EPOCH = 'e'.repeat(32);

async function partitionAt(events: number, logEvents: number = 10_000): Promise<ScriptPartition> {
  const partition = new ScriptPartition(openClient(), uniqueName(), { logEvents });
  await Promise.all(Array.from({ length: events }, (_, i) => partition.invalidate({ keys: [`k${i + 1}`] }, EPOCH)));
  return partition;
}

function event(seq: number): string {
  return `{"k":["k${seq}"]}`;
}

test('answers the events after what was applied, and the time of the server', async () => {
  const partition = await partitionAt(5);
  const [seconds] = await partition.client.time();

  const reply = await partition.tail(EPOCH, 2);

  expect(reply.slice(0, 3)).toEqual(['OK', EPOCH, 5]);
  expect(Math.abs(Number(reply[3]) - Number(seconds) * 1_000)).toBeLessThan(5_000);
  expect(reply.slice(5)).toEqual(['EVENTS', 3, event(3), event(4), event(5)]);
});

test('answers no events when all are applied', async () => {
  const partition = await partitionAt(5);
  expect((await partition.tail(EPOCH, 5)).slice(5)).toEqual(['EVENTS', 6]);
});

test('answers a long log in pages', async () => {
  const partition = await partitionAt(2_500);

  const first = await partition.tail(EPOCH, 0, 1_000);
  const second = await partition.tail(EPOCH, 1_000, 1_000);
  const third = await partition.tail(EPOCH, 2_000, 1_000);

  expect([first[2], second[2], third[2]]).toEqual([2_500, 2_500, 2_500]);
  expect([first[6], second[6], third[6]]).toEqual([1, 1_001, 2_001]);
  expect([...first.slice(7), ...second.slice(7), ...third.slice(7)]).toEqual(
    Array.from({ length: 2_500 }, (_, index) => event(index + 1)),
  );
});

test.each([
  ['of an instance that knows no epoch', '', 0],
  ['of an instance in another epoch', 'd'.repeat(32), 2],
  ['that is ahead of the sequence', EPOCH, 6],
])('answers a snapshot to a tail %s', async (_what, epoch, applied) => {
  const partition = await partitionAt(4);
  await partition.invalidate({ tags: ['t'], prefixes: ['p:'] });

  const reply = await partition.tail(epoch, applied);

  expect(reply.slice(0, 3)).toEqual(['OK', EPOCH, 5]);
  expect(reply[5]).toBe('SNAPSHOT');
  const fields = reply.slice(6).map(String);
  const meta = Object.fromEntries(
    fields.flatMap((field, index) => (index % 2 === 0 ? [[field, fields[index + 1]]] : [])),
  );
  expect(meta).toEqual((await partition.state()).meta);
});

test('answers a snapshot when the log no longer reaches, and events again from where it does', async () => {
  const partition = await partitionAt(1_000, 100);
  const oldest = Number((await partition.state()).log[0]?.[0].replace('-0', ''));
  expect(oldest).toBeGreaterThan(1);

  expect((await partition.tail(EPOCH, oldest - 2))[5]).toBe('SNAPSHOT');
  expect((await partition.tail(EPOCH, oldest - 1)).slice(5, 8)).toEqual(['EVENTS', oldest, event(oldest)]);
});

test('answers a snapshot when the log was evicted, and events of the log that came after', async () => {
  const partition = await partitionAt(5);
  await partition.client.del(partition.names.state[2]);

  expect((await partition.tail(EPOCH, 3))[5]).toBe('SNAPSHOT');
  expect((await partition.tail(EPOCH, 5)).slice(5)).toEqual(['EVENTS', 6]);

  await partition.invalidate({ keys: ['k6'] });
  expect((await partition.tail(EPOCH, 3))[5]).toBe('SNAPSHOT');
  expect((await partition.tail(EPOCH, 5)).slice(5)).toEqual(['EVENTS', 6, event(6)]);
});

test('never jumps over an event that is missing from the middle of the log', async () => {
  const partition = await partitionAt(5);
  await partition.client.xdel(partition.names.state[2], '3-0');
  // Just behind the hole, and further behind, where the page begins and ends with what is there.
  expect((await partition.tail(EPOCH, 2))[5]).toBe('SNAPSHOT');
  expect((await partition.tail(EPOCH, 0))[5]).toBe('SNAPSHOT');
  expect((await partition.tail(EPOCH, 3)).slice(5)).toEqual(['EVENTS', 4, event(4), event(5)]);
});

test('never takes the log for complete where its end is missing', async () => {
  const partition = await partitionAt(5);
  await partition.client.xdel(partition.names.state[2], '5-0');
  expect((await partition.tail(EPOCH, 2)).slice(5)).toEqual(['EVENTS', 3, event(3), event(4)]);
  expect((await partition.tail(EPOCH, 4))[5]).toBe('SNAPSHOT');
});
