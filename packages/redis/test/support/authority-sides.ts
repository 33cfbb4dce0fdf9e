import {
  type AuthorityState,
  type FenceChange,
  type Invalidation,
  type Member,
  type MembersReply,
  randomEpoch,
  type SequencedReply,
  type StoreWrite,
  type TailReply,
} from 'tierwise/driver';
import { Authority } from '../../../core/src/in-process/authority.ts';
import type { openClient } from './caches.ts';
import type { OpenPartition } from './open-partition.ts';

const LIMITS = { logEvents: 10_000, maxBytes: 1_000_000_000 };
/** Life of the fences that are closed. */
export const LIFE_MS = 3_600_000;

/** One of the two authorities, with epochs told by their order. */
export interface Side {
  /** Epochs in the order they were met; a reply names them by index. */
  readonly epochs: string[];
  /** Opens the state, changes nothing else. */
  now(): Promise<SequencedReply>;
  invalidate(what: Invalidation, fence: FenceChange | undefined): Promise<SequencedReply>;
  renewFence(id: string): Promise<boolean>;
  members(): Promise<MembersReply>;
  fill(writes: readonly StoreWrite[]): Promise<SequencedReply>;
  set(writes: readonly StoreWrite[]): Promise<SequencedReply>;
  collect(pattern: string): Promise<number>;
  tail(member: Member, epoch: string | undefined, applied: number): Promise<TailReply>;
  read(names: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  loseState(): Promise<void>;
  /** Ends the life of a fence; the next script finds out. */
  runOut(id: string): Promise<void>;
  /** Makes the last confirmation of the agreed lease a day old. */
  forsakeLease(): Promise<void>;
  /** Makes a member silent for a day. */
  silence(id: string): Promise<void>;
  leave(id: string): Promise<void>;
  loseMembers(): Promise<void>;
  /** Makes epoch and list of members a day older. */
  growOld(): Promise<void>;
}

/** Told and not logged: nothing that the two sides answer may show it. */
const ORIGINS = ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'];

const NOW_MS = 100_000_000;
export const DAY_MS = 86_400_000;

export function modelSide(maxVersions: number): Side {
  const authority = new Authority({ randomEpoch, maxVersions, ...LIMITS });
  authority.loseMembers();
  const run = async <R>(call: (open: Authority) => R): Promise<R> => {
    authority.open(authority.timeline, randomEpoch(), NOW_MS);
    return call(authority);
  };
  const alter = async (change: (state: AuthorityState) => Partial<AuthorityState>): Promise<void> => {
    const state = authority.capture();
    authority.restore({ ...state, ...change(state) });
  };
  return {
    epochs: [],
    now: () =>
      run((open) => {
        open.members(NOW_MS);
        return open.capture();
      }),
    invalidate: (what, fence) => run((open) => open.invalidate(what, fence, NOW_MS, ORIGINS)),
    renewFence: (id) => run((open) => open.renewFence(id, LIFE_MS, NOW_MS)),
    members: () => run((open) => open.members(NOW_MS)),
    fill: (writes) => run((open) => open.fill(writes, NOW_MS)),
    set: (writes) => run((open) => open.set(writes, NOW_MS, ORIGINS)),
    collect: async (pattern) => authority.collect(pattern).dropped,
    tail: (asking, epoch, applied) => run((open) => open.tail({ member: asking, epoch, applied }, NOW_MS)),
    read: async (names) => authority.read(names, NOW_MS),
    loseState: async () => authority.lose(),
    runOut: (id) =>
      alter(({ closed }) => ({
        closed: new Map([...closed].map(([each, fence]) => [each, each === id ? { ...fence, untilMs: 0 } : fence])),
      })),
    forsakeLease: () =>
      alter(({ members }) => ({
        members: { ...members, agreement: members.agreement && { ...members.agreement, seenMs: 0 } },
      })),
    silence: (id) =>
      alter(({ members }) => ({
        members: {
          ...members,
          members: new Map(
            [...members.members].map(([each, facts]) => [each, each === id ? { ...facts, seenMs: 0 } : facts]),
          ),
        },
      })),
    leave: async (id) => authority.leave(id),
    loseMembers: async () => authority.loseMembers(),
    growOld: () =>
      alter(({ members, begunMs }) => ({
        begunMs: begunMs - DAY_MS,
        members: { ...members, begunMs: members.begunMs && members.begunMs - DAY_MS },
      })),
  };
}

export function redisSide({ coordinator, store, names }: OpenPartition, client: ReturnType<typeof openClient>): Side {
  const [meta] = names.state;
  return {
    epochs: [],
    now: async () => {
      await coordinator.members();
      const [epoch, seq] = await client.hmget(meta, 'epoch', 'seq');
      return { epoch: String(epoch), seq: Number(seq) };
    },
    invalidate: (what, fence) => coordinator.invalidate(what, fence, ORIGINS),
    renewFence: (id) => coordinator.renewFence(id, LIFE_MS),
    members: () => coordinator.members(),
    fill: (writes) => store.fill(writes),
    set: (writes) => store.set(writes, ORIGINS),
    collect: (pattern) => store.collect(pattern, { signal: undefined, onProgress() {} }),
    tail: (asking, epoch, applied) => coordinator.tail({ member: asking, epoch, applied }),
    read: async (wanted) => (await store.read(wanted)).values,
    loseState: async () => {
      await client.del(...names.state);
    },
    runOut: async (id) => {
      const text = await client.hget(meta, 'fences');
      if (text === null) return;
      const fences = (JSON.parse(text) as { i: string; u: number }[]).map((fence) =>
        fence.i === id ? { ...fence, u: 0 } : fence,
      );
      await client.hset(meta, 'fences', JSON.stringify(fences));
    },
    forsakeLease: async () => {
      if ((await client.hexists(meta, 'leaseAt')) === 1) await client.hincrby(meta, 'leaseAt', -DAY_MS);
    },
    silence: async (id) => {
      const text = await client.hget(names.members, id);
      if (text === null) return;
      const [epoch, applied, seen, lease] = text.split(' ');
      await client.hset(names.members, id, [epoch, applied, Number(seen) - DAY_MS, lease].join(' '));
    },
    leave: (id) => coordinator.leave(id),
    loseMembers: async () => {
      await client.del(names.members);
    },
    growOld: async () => {
      for (const key of [meta, names.members]) {
        if ((await client.hexists(key, 'begun')) === 1) await client.hincrby(key, 'begun', -DAY_MS);
      }
    },
  };
}
