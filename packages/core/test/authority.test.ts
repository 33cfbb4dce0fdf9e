import { describe, expect, test } from 'vitest';
import type { Invalidation, Lease } from '../src/coherence/coordinator.ts';
import { fenceSlot } from '../src/coherence/slots.ts';
import { Authority } from '../src/in-process/authority.ts';
import { randomEpoch } from '../src/random.ts';
import { decodeEnvelope, encodeEnvelope } from '../src/wire/envelope.ts';
import { NOTHING } from '../src/wire/event.ts';
import { MEMBER } from './support/member.ts';

const key = (...keys: string[]): Invalidation => ({ ...NOTHING, keys });

function open(limits: { logEvents?: number; maxBytes?: number } = {}) {
  const authority = new Authority({ randomEpoch, logEvents: 100, maxVersions: 100, maxBytes: 100_000, ...limits });
  const { epoch } = authority.tail({ member: MEMBER, epoch: undefined, applied: 0 }, 0);
  const write = (name: string, lease: Lease | number, ttlMs = 0) => {
    const dated = typeof lease === 'number' ? { epoch, seq: lease } : lease;
    const header = {
      codecId: 1,
      epoch: dated.epoch,
      lease: dated.seq,
      seq: 0,
      expiresAtMs: 0,
      version: undefined,
      tags: [],
    };
    return { key: name, lease: dated, ttlMs, bytes: encodeEnvelope(header, Buffer.from('x')) };
  };
  return { authority, epoch, write };
}

/** Another key in the fence slot of `name`. */
function neighbour(name: string): string {
  for (let i = 0; ; i++) if (fenceSlot(`n${i}`) === fenceSlot(name)) return `n${i}`;
}

describe('a fill', () => {
  test('is stored when nothing on its slot is newer than its lease', () => {
    const { authority, write } = open();
    expect(authority.fill([write('k', 0)], 0).outcomes).toEqual(['stored']);
    authority.invalidate(key('k'), undefined, 0);
    expect(authority.read(['k'], 0)).toEqual([undefined]);
    expect(authority.fill([write('k', 0)], 0).outcomes).toEqual(['fenced']);
    expect(authority.fill([write('k', 1)], 0).outcomes).toEqual(['stored']);
  });

  test('is refused by an event on a key that shares its slot', () => {
    const { authority, write } = open();
    authority.invalidate(key(neighbour('k')), undefined, 0);
    expect(authority.fill([write('k', 0), write('free', 0)], 0).outcomes).toEqual(['fenced', 'stored']);
  });

  test('is refused when what is stored carries a higher lease', () => {
    const { authority, write } = open();
    authority.invalidate(key('other'), undefined, 0);
    authority.fill([write('k', 1)], 0);
    expect(authority.fill([write('k', 0)], 0).outcomes).toEqual(['superseded']);
    expect(authority.fill([write('k', 1)], 0).outcomes).toEqual(['stored']);
  });

  test('is refused with a lease of another epoch or from the future', () => {
    const { authority, write } = open();
    expect(authority.fill([write('k', { epoch: randomEpoch(), seq: 0 }), write('k', 1)], 0).outcomes).toEqual([
      'voided',
      'voided',
    ]);
  });

  test('takes no number', () => {
    const { authority, write } = open();
    expect(authority.fill([write('k', 0)], 0).seq).toBe(0);
  });
});

describe('a set', () => {
  test('takes a number, carries it, and fences older loads', () => {
    const { authority, epoch, write } = open();
    expect(authority.set([write('k', 0)], 0)).toEqual({ epoch, seq: 1, outcomes: ['stored'] });
    const envelope = decodeEnvelope(authority.read(['k'], 0)[0] as Uint8Array);
    expect(envelope).toMatchObject({ lease: 0, seq: 1 });
    expect(authority.fill([write('k', 0)], 0).outcomes).toEqual(['fenced']);
  });

  test('that is refused is an invalidation of its key', () => {
    const { authority, write } = open();
    authority.set([write('k', 0)], 0);
    expect(authority.set([write('k', 0)], 0)).toMatchObject({ seq: 2, outcomes: ['conflicted'] });
    expect(authority.read(['k'], 0)).toEqual([undefined]);
    expect(authority.fill([write('k', 1)], 0).outcomes).toEqual(['fenced']);
  });

  test('of several keys in one slot does not refuse itself', () => {
    const { authority, write } = open();
    expect(authority.set([write('k', 0), write(neighbour('k'), 0)], 0).outcomes).toEqual(['stored', 'stored']);
  });

  test('is one event for all its keys', () => {
    const { authority, epoch, write } = open();
    authority.set([write('a', 0), write('b', 0)], 0);
    const { events } = authority.tail({ member: MEMBER, epoch, applied: 0 }, 0);
    expect(events).toEqual([{ epoch, seq: 1, invalidation: key('a', 'b'), fence: undefined }]);
  });
});

describe('a tail', () => {
  test('brings the events after a number, and a snapshot where the log or the epoch does not reach', () => {
    const { authority, epoch } = open();
    for (let i = 0; i < 50; i++) authority.invalidate({ ...NOTHING, tags: [`t${i}`] }, undefined, 0);
    expect(authority.tail({ member: MEMBER, epoch, applied: 48 }, 0).events.map(({ seq }) => seq)).toEqual([49, 50]);
    expect(authority.tail({ member: MEMBER, epoch, applied: 50 }, 0)).toMatchObject({
      events: [],
      snapshot: undefined,
      seq: 50,
    });
    for (let i = 50; i < 400; i++) authority.invalidate(key('k'), undefined, 0);
    const late = authority.tail({ member: MEMBER, epoch, applied: 48 }, 0);
    expect(late.events).toEqual([]);
    expect(late.snapshot?.tags.get('t49')).toBe(50);
    for (const request of [
      { epoch: randomEpoch(), applied: 390 },
      { epoch: undefined, applied: 0 },
      { epoch, applied: 401 },
    ]) {
      expect(authority.tail({ member: MEMBER, ...request }, 0).snapshot).not.toBe(undefined);
    }
    expect(authority.tail({ member: MEMBER, epoch, applied: 390 }, 5)).toMatchObject({
      seq: 400,
      snapshot: undefined,
      authorityMs: 5,
    });
  });

  test('of a log with large events has as many as would fit if all were so large', () => {
    const { authority, epoch } = open({ logEvents: 10_000 });
    const names = Array.from({ length: 500 }, (_, index) => `${index}`.padEnd(1_024, 'x'));
    for (let i = 0; i < 100; i++) authority.invalidate({ ...NOTHING, keys: names }, undefined, 0);
    const reply = (ago: number) => authority.tail({ member: MEMBER, epoch, applied: 100 - ago }, 0);
    expect(reply(32).snapshot).toBeUndefined();
    expect(reply(65).snapshot).toBeDefined();
  });

  test('of a log that was trimmed still has at least the promised number of events', () => {
    const { authority, epoch } = open({ logEvents: 100 });
    for (let i = 1; i <= 1_000; i++) {
      authority.invalidate(key('k'), undefined, 0);
      const { events, snapshot } = authority.tail({ member: MEMBER, epoch, applied: Math.max(0, i - 100) }, 0);
      expect(snapshot).toBe(undefined);
      expect(events).toHaveLength(Math.min(100, i));
    }
  });
});

describe('the authority', () => {
  test('tells every subscriber of every event, in order', () => {
    const { authority, write } = open();
    const heard: number[] = [];
    const stop = authority.subscribe(({ seq }) => heard.push(seq));
    authority.invalidate(key('a'), undefined, 0);
    authority.set([write('b', 1)], 0);
    stop();
    authority.invalidate(key('c'), undefined, 0);
    expect(heard).toEqual([1, 2]);
  });

  test('after a restart is another epoch and timeline and holds nothing', () => {
    const { authority, epoch, write } = open();
    const { timeline } = authority;
    authority.fill([write('k', 0)], 0);
    authority.invalidate({ ...NOTHING, tags: ['t'] }, undefined, 0);
    authority.restart(0);
    const reply = authority.tail({ member: MEMBER, epoch, applied: 1 }, 0);
    expect(reply.epoch).not.toBe(epoch);
    expect(authority.timeline).not.toBe(timeline);
    expect(reply).toMatchObject({ seq: 0, snapshot: { tags: new Map(), clear: 0 } });
    expect(authority.read(['k'], 0)).toEqual([undefined]);
    expect(authority.fill([write('k', 0)], 0).outcomes).toEqual(['voided']);
  });

  test('lets entries go on the millisecond of their expiry', () => {
    const { authority, write } = open();
    authority.fill([write('k', 0, 100)], 1_000);
    expect(authority.read(['k'], 1_099)[0]).not.toBe(undefined);
    expect(authority.read(['k'], 1_100)[0]).toBe(undefined);
  });

  test('holds no more bytes than it may', () => {
    const { authority, write } = open({ maxBytes: 1_024 });
    for (let i = 0; i < 100; i++) authority.fill([write(`k${i}`, 0)], 0);
    const held = authority.read(
      Array.from({ length: 100 }, (_, index) => `k${index}`),
      0,
    );
    const bytes = held.reduce((sum, value) => sum + (value?.byteLength ?? 0), 0);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(1_024);
  });
});

describe('opening the state', () => {
  const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(32)) as [string, string, string];

  test('tells a caller on another timeline which one holds, and goes on', () => {
    const { authority, epoch } = open();
    expect(authority.open('another', A, 0)).toBe(authority.timeline);
    expect(authority.open(authority.timeline, A, 0)).toBe(undefined);
    expect(authority.capture().epoch).toBe(epoch);
  });

  test('starts the epoch it is given where state was lost', () => {
    const { authority } = open();
    authority.lose();
    expect(authority.open('now', B, 0)).toBe(undefined);
    expect(authority.capture()).toMatchObject({ epoch: B, timeline: 'now', seq: 0 });
  });

  test('adopts a timeline once, with an epoch of its own', () => {
    const { authority } = open();
    const { timeline } = authority;
    expect(authority.adopt(timeline, B, 'now', 0)).toBe(B);
    expect(authority.adopt(timeline, C, 'later', 0)).toBe(B);
    expect(authority.capture()).toMatchObject({ epoch: B, timeline: 'now', seq: 0 });
  });
});

test('a list of members that was lost is young, whatever the age of the epoch', () => {
  const { authority } = open();
  expect(authority.members(10_000).ageMs).toBe(10_000);
  authority.loseMembers();
  expect(authority.members(20_000).ageMs).toBe(0);
  expect(authority.members(21_000).ageMs).toBe(1_000);
});
