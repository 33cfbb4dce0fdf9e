import { describe, expect, test } from 'vitest';
import type { Coordinator, Invalidation, SequencedReply } from '../src/coherence/coordinator.ts';
import type { Writer } from '../src/engine/stack-writer.ts';
import { type Draft, merge, type SetReply, WriteQueue } from '../src/engine/write-queue.ts';
import type { Store, StoreWrite } from '../src/store/store.ts';
import { NOTHING } from '../src/wire/event.ts';
import { FakeClock } from './support/fake-clock.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);

function open() {
  const calls: [string, string[]][] = [];
  const sequenced: [SequencedReply, Invalidation][] = [];
  let seq = 0;
  const note = (call: string, writes: readonly StoreWrite[]) => calls.push([call, writes.map(({ key }) => key)]);
  const store: Store & Writer = {
    name: 'recording',
    storeName: 'shared',
    limits: { maxBatch: 100, hasScripts: true },
    read: async () => ({ timeline: 'T', values: [] }),
    fill: async (writes) => {
      note('fill', writes);
      return { epoch: A, seq, outcomes: writes.map(() => 'stored') };
    },
    set: async (writes) => {
      note('set', writes);
      return { epoch: A, seq: ++seq, outcomes: writes.map(() => 'stored' as const) };
    },
    collect: async () => 0,
  };
  const coordinator: Coordinator = {
    channel: 'test',
    listen: () => {},
    tail: () => Promise.reject(new Error('no tails here')),
    invalidate: async ({ keys }) => {
      calls.push(['invalidate', [...keys]]);
      return { epoch: A, seq: ++seq };
    },
    renewBus: () => {},
    renewFence: async () => false,
    members: async () => ({ members: [], ageMs: 0 }),
    leave: async () => {},
  };
  const onSequenced = (reply: SequencedReply, invalidation: Invalidation) => sequenced.push([reply, invalidation]) > 0;
  const queue = new WriteQueue({ clock: new FakeClock(), store, coordinator, onSequenced });
  return {
    calls,
    sequenced,
    store,
    queue: {
      fill: (content: Draft, to: Writer = store) => queue.fill(content, to),
      set: (content: Draft, to: Writer = store) => {
        const { promise, ...settle } = Promise.withResolvers<SetReply>();
        queue.set({ kind: 'set', draft: content, to, trace: undefined, settle, mayRepeat: true });
        return promise;
      },
      invalidate: (invalidation: Invalidation) => queue.invalidate(invalidation),
    },
  };
}

function draft(key: string, epoch = A): Draft {
  const facts = { codecId: 1, expiresAtMs: 0, version: undefined, tags: [] };
  return { key, lease: { epoch, seq: 0 }, ttlMs: 0, ...facts, payload: Buffer.from('x') };
}

describe('writes of one tick', () => {
  test('with leases of two epochs never share a call', async () => {
    const { queue, calls } = open();
    await Promise.all([queue.fill(draft('a')), queue.fill(draft('b', B)), queue.fill(draft('c', B))]);
    await Promise.all([queue.set(draft('d', B)), queue.set(draft('e'))]);
    expect(calls).toEqual([
      ['fill', ['a']],
      ['fill', ['b', 'c']],
      ['set', ['d']],
      ['set', ['e']],
    ]);
  });

  test('to several layers keep their order, each layer its own call', async () => {
    const { queue, calls, store } = open();
    const other: Writer = { ...store, fill: (writes) => store.fill(writes) };
    await Promise.all([queue.fill(draft('a')), queue.fill(draft('b'), other), queue.fill(draft('c'), other)]);
    await Promise.all([queue.set(draft('d')), queue.set(draft('d'), other)]);
    expect(calls).toEqual([
      ['fill', ['a']],
      ['fill', ['b', 'c']],
      ['set', ['d']],
      ['set', ['d']],
    ]);
  });

  test('of one kind are split only by another kind between them', async () => {
    const { queue, calls } = open();
    await Promise.all([
      queue.fill(draft('a')),
      queue.fill(draft('b')),
      queue.invalidate({ ...NOTHING, keys: ['a'] }),
      queue.fill(draft('c')),
    ]);
    expect(calls).toEqual([
      ['fill', ['a', 'b']],
      ['invalidate', ['a']],
      ['fill', ['c']],
    ]);
  });

  test('that were sequenced are told before those who wait for them', async () => {
    const { queue, sequenced } = open();
    const told: number[] = [];
    const waiting = [queue.set(draft('a')), queue.invalidate({ ...NOTHING, tags: ['t'] })].map(async (call) => {
      await call;
      told.push(sequenced.length);
    });
    await Promise.all(waiting);
    expect(sequenced).toEqual([
      [
        { epoch: A, seq: 1, outcomes: ['stored'] },
        { ...NOTHING, keys: ['a'] },
      ],
      [
        { epoch: A, seq: 2 },
        { ...NOTHING, tags: ['t'] },
      ],
    ]);
    expect(told[0]).toBeGreaterThan(0);
    expect(told[1]).toBe(2);
  });
});

test('merged events cover what each of them covers, each name once', () => {
  const one = { ...NOTHING, keys: ['a', 'b'], tags: ['t'], patterns: ['*x'] };
  const two = { keys: ['b', 'c'], tags: ['t', 's'], prefixes: ['p:'], patterns: ['*x'], clear: true };
  expect(merge([one, two])).toEqual({
    keys: ['a', 'b', 'c'],
    tags: ['t', 's'],
    prefixes: ['p:'],
    patterns: ['*x'],
    clear: true,
  });
  expect(merge([one])).toBe(one);
});
