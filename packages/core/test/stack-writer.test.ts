import { describe, expect, test } from 'vitest';
import { type Follower, StackWriter, type Writer } from '../src/engine/stack-writer.ts';
import { CacheError } from '../src/errors.ts';
import type { FillOutcome, SetOutcome, StoreWrite } from '../src/store/store.ts';

const EPOCH = 'a'.repeat(32);
const AWAY = new CacheError('REMOTE_UNAVAILABLE', 'away');

const writes = ['k:0', 'k:1', 'k:2'].map(
  (key): StoreWrite => ({ key, lease: { epoch: EPOCH, seq: 1 }, ttlMs: 0, bytes: Buffer.from(key) }),
);

/** A layer that answers as it is told, and notes what it was given. */
function layer(fills: readonly FillOutcome[] | CacheError, sets: readonly SetOutcome[], hasScripts = false) {
  const followed: string[] = [];
  const writer: Writer & Follower = {
    name: hasScripts ? 'redis' : 'plain',
    storeName: hasScripts ? 'authority' : 'simple',
    limits: { maxBatch: hasScripts ? 500 : 200, hasScripts },
    async fill() {
      if (CacheError.is(fills)) throw fills;
      return { epoch: EPOCH, seq: 5, outcomes: fills };
    },
    set: async () => ({ epoch: EPOCH, seq: 6, outcomes: sets }),
    async follow(given) {
      followed.push(...given.map(({ key }) => key));
      return given.map(() => 'stored' as const);
    },
  };
  return { writer, followed };
}

function stack(leader: Writer, follower: Follower) {
  const faults: unknown[] = [];
  const sequenced: [number, readonly string[]][] = [];
  const writer = new StackWriter(leader, [follower], {
    onFault: (error) => faults.push(error),
    onSequenced: ({ seq }, keys) => sequenced.push([seq, keys]),
  });
  return { writer, faults, sequenced };
}

describe('a fill of several layers', () => {
  test('comes to the worst that one of them answered, and to the best where another could only not take it', async () => {
    const upper = layer(['stored', 'fenced', 'skipped'], []);
    const lower = layer(['voided', 'stored', 'stored'], [], true);
    const { outcomes } = await stack(lower.writer, upper.writer).writer.fill(writes);
    expect(outcomes).toEqual(['voided', 'fenced', 'stored']);
  });

  test('goes on without a layer that failed, and fails where all did', async () => {
    const good = layer(['stored', 'fenced', 'stored'], []);
    const { writer, faults } = stack(layer(AWAY, [], true).writer, good.writer);
    expect((await writer.fill(writes)).outcomes).toEqual(['stored', 'fenced', 'stored']);
    expect(faults).toEqual([AWAY]);
    await expect(stack(layer(AWAY, []).writer, layer(AWAY, []).writer).writer.fill(writes)).rejects.toBe(AWAY);
  });

  test('takes as many as the smallest of them', () => {
    const { limits, name, storeName } = stack(layer([], [], true).writer, layer([], []).writer).writer;
    expect(limits).toEqual({ maxBatch: 200, hasScripts: true });
    expect([name, storeName]).toEqual(['redis+plain', 'authority+simple']);
  });
});

describe('a set of several layers', () => {
  test('is stored in the others only where the first one found it good', async () => {
    const lower = layer([], ['stored', 'conflicted', 'skipped'], true);
    const upper = layer([], []);
    const { writer, sequenced } = stack(lower.writer, upper.writer);
    expect((await writer.set(writes)).outcomes).toEqual(['stored', 'conflicted', 'stored']);
    expect(upper.followed).toEqual(['k:0', 'k:2']);
    expect(sequenced).toEqual([[6, ['k:0', 'k:1', 'k:2']]]);
  });

  test('that is outdated all over is no event', async () => {
    const upper = layer([], []);
    const { writer, sequenced } = stack(layer([], ['outdated', 'outdated', 'outdated'], true).writer, upper.writer);
    await writer.set(writes);
    expect([upper.followed, sequenced]).toEqual([[], []]);
  });
});
