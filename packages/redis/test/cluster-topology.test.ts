import type { Redis } from 'ioredis';
import { type CacheError, systemClock } from 'tierwise/driver';
import { beforeEach, expect, test } from 'vitest';
import { ClusterTopology } from '../src/cluster-topology.ts';
import type { ConnectionOverrides, ResolvedRedisOptions } from '../src/options.ts';

type Told = { readonly state: 'ok' | 'fail'; readonly slots: unknown } | 'refuses' | 'silent';

let told: Record<string, Told>;
let asked: string[];
let topology: ClusterTopology;

beforeEach(() => {
  told = {};
  asked = [];
  const source: Partial<ResolvedRedisOptions> = {
    deadlineMs: 50,
    seeds: () => [
      { host: 'a', port: 1 },
      { host: 'b', port: 1 },
    ],
    reach: ({ host, port }) => ({ host: host.replace('inner-', ''), port }),
    create: ({ host = '', port = 0 }) => fakeClient(`${host}:${port}`),
  };
  const overrides: ConnectionOverrides = { replyMapping: 'legacy' };
  topology = new ClusterTopology(source as ResolvedRedisOptions, overrides, systemClock);
});

/** A client of a node that answers what `told` says. */
function fakeClient(address: string): Redis {
  const answer = told[address] ?? 'refuses';
  let end = (_: Error): void => {};
  let tell = (_: Error): void => {};
  const client = {
    on(_name: 'error', listener: (error: Error) => void) {
      tell = listener;
    },
    connect: () => {
      asked.push(address);
      if (answer === 'refuses') {
        tell(Object.assign(new Error('WRONGPASS invalid'), { command: { name: 'auth', args: ['secret'] } }));
        return Promise.reject(new Error('Connection is closed.'));
      }
      return answer === 'silent' ? new Promise((_, reject) => (end = reject)) : Promise.resolve();
    },
    disconnect: () => end(new Error('Connection is closed.')),
    cluster: async (what: string) => {
      if (typeof answer === 'string') throw new Error(answer);
      return what === 'INFO' ? `cluster_enabled:1\r\ncluster_state:${answer.state}\r\n` : answer.slots;
    },
  };
  return client as unknown as Redis;
}

const ALL_ON_C = [[0, 16_383, ['c', 7, 'id'], ['d', 8, 'id']]];

test('the first node that answers tells who serves what', async () => {
  told = {
    'a:1': {
      state: 'ok',
      slots: [
        [0, 9, ['c', 7, 'id']],
        [10, 16_383, ['d', 8, 'id']],
      ],
    },
  };
  const primaryOf = await topology.lookUp();
  expect([9, 10].map(primaryOf)).toEqual([
    { host: 'c', port: 7 },
    { host: 'd', port: 8 },
  ]);
  expect(asked).toEqual(['a:1']);
});

test('what a client told before it ended is the cause, without the password', async () => {
  const error: unknown = await topology.lookUp().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'REMOTE_UNAVAILABLE', message: 'Redis refused the login' });
  expect((error as CacheError).cause).toMatchObject({ message: 'WRONGPASS invalid' });
  expect((error as CacheError).cause).not.toHaveProperty('command');
});

test('a slot that nobody serves has no primary', async () => {
  told = { 'a:1': { state: 'fail', slots: [[0, 9, ['c', 7, 'id']]] } };
  expect((await topology.lookUp())(10)).toBeUndefined();
});

test('nodes that refuse or say nothing are passed over, each within the deadline', async () => {
  told = { 'a:1': 'silent', 'b:1': { state: 'ok', slots: ALL_ON_C } };
  expect((await topology.lookUp())(1)).toEqual({ host: 'c', port: 7 });
});

test('a node cut off from the others is believed only where no other one answers', async () => {
  told = { 'a:1': { state: 'fail', slots: [[0, 16_383, ['old', 6, 'id']]] }, 'b:1': { state: 'ok', slots: ALL_ON_C } };
  expect((await topology.lookUp())(1)).toEqual({ host: 'c', port: 7 });
  told = { ...told, 'b:1': 'refuses' };
  expect((await topology.lookUp())(1)).toEqual({ host: 'old', port: 6 });
});

test('the nodes that were given may all be gone later: those they told of are asked', async () => {
  told = { 'a:1': { state: 'ok', slots: ALL_ON_C } };
  await topology.lookUp();
  told = { 'd:8': { state: 'ok', slots: [[0, 16_383, ['d', 8, 'id']]] } };
  expect((await topology.lookUp())(1)).toEqual({ host: 'd', port: 8 });
  asked = [];
  await topology.lookUp();
  // It is asked first from then on.
  expect(asked).toEqual(['d:8']);
});

test('announced addresses are mapped, and a node that names itself by none is where it was asked', async () => {
  told = {
    'a:1': {
      state: 'ok',
      slots: [
        [0, 9, ['inner-c', 7, 'id']],
        [10, 16_383, ['', 8, 'id']],
      ],
    },
  };
  const primaryOf = await topology.lookUp();
  expect([9, 10].map(primaryOf)).toEqual([
    { host: 'c', port: 7 },
    { host: 'a', port: 8 },
  ]);
});

test('when no node answers the look-up fails', async () => {
  told = { 'b:1': 'silent' };
  await expect(topology.lookUp()).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
  expect(asked).toEqual(['a:1', 'b:1']);
});
