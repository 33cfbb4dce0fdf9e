import { describe, expect, test } from 'vitest';
import type { FenceChange } from '../src/coherence/coordinator.ts';
import { A, B, bare, EMPTY, event, flight, key, opened, REPLY, tag } from './support/views.ts';

describe('before the first tail', () => {
  test('there is no lease, and messages only ask for a tail', () => {
    const { view, memory, isProved } = bare();
    expect(view.lease()).toBe(undefined);
    expect(view.receive(event(1, key('k')))).toBe('foreign');
    expect(memory.forgotten).toEqual([]);
    expect(isProved()).toBe(false);
  });

  test('a first snapshot marks loads that began without a lease', () => {
    const { view, tail } = bare();
    const early = flight(view, 'k');
    tail({ seq: 0, snapshot: EMPTY });
    expect(early.isMarked).toBe(true);
  });
});

describe("a tail's reply", () => {
  test('proves the view as of the moment it was sent', () => {
    const { view, clock } = opened();
    const sentAtMs = clock.wallMs();
    clock.block(700);
    const reply = { ...REPLY, seq: 5, authorityMs: sentAtMs };
    expect(view.applyTail(reply, sentAtMs, clock.wallMs())).toBe('proved');
    expect(view.proof.sentAtMs).toBe(sentAtMs);
  });

  test('that does not reach its end is partial and proves nothing new', () => {
    const { view, clock, tail, isProved } = opened();
    clock.block(10_000);
    expect(tail({ seq: 9, events: [event(6, key('a')), event(7, key('b'))] })).toBe('partial');
    expect(isProved()).toBe(false);
    expect(view.applied).toBe(7);
    expect(tail({ seq: 9, events: [event(8, key('c')), event(9, key('d'))] })).toBe('proved');
    expect(isProved()).toBe(true);
  });

  test('with a hole proves nothing', () => {
    const { clock, tail, isProved } = opened();
    clock.block(10_000);
    expect(tail({ seq: 7, events: [event(7, key('b'))] })).toBe('unproved');
    expect(isProved()).toBe(false);
  });

  test('with events that messages have brought meanwhile passes over them', () => {
    const { view, memory, tail } = opened();
    view.receive(event(6, key('a')));
    view.receive(event(7, key('b')));
    expect(tail({ seq: 7, events: [event(6, key('a')), event(7, key('b'))] })).toBe('proved');
    expect(memory.forgotten).toHaveLength(2);
  });

  test('that is behind what messages have brought proves the moment it was sent', () => {
    const { view, tail } = opened();
    view.receive(event(6, key('a')));
    expect(tail({ seq: 5, events: [] })).toBe('proved');
    expect(view.applied).toBe(6);
  });

  test('of another epoch without a snapshot proves nothing', () => {
    const { view, clock, tail, isProved } = opened();
    clock.block(10_000);
    expect(tail({ epoch: B, seq: 5, events: [] })).toBe('unproved');
    expect(view.epoch).toBe(A);
    expect(isProved()).toBe(false);
  });
});

describe('a snapshot', () => {
  test('empties memory, marks what began before it, and proves', () => {
    const { view, memory, tail } = opened();
    const old = flight(view, 'old');
    view.meet(A, 9);
    const recent = flight(view, 'recent');
    expect(tail({ seq: 9, snapshot: { ...EMPTY, tags: new Map([['t', 8]]), clear: 7 } })).toBe('proved');
    expect(memory.emptied).toBe(1);
    expect([old.isMarked, recent.isMarked]).toEqual([true, false]);
    expect(view.applied).toBe(9);
    expect(view.isValid('k', ['t'], 7)).toBe(false);
    expect(view.isValid('k', ['t'], 8)).toBe(true);
    expect(view.isValid('k', [], 6)).toBe(false);
  });

  test('of another epoch starts over: everything under way is marked, versions are gone, numbers begin anew', () => {
    const { view, tail } = opened();
    view.receive(event(6, tag('t')));
    view.meet(A, 100);
    const running = flight(view, 'k');
    expect(tail({ epoch: B, seq: 2, snapshot: EMPTY })).toBe('proved');
    expect(running.isMarked).toBe(true);
    expect([view.epoch, view.applied, view.known]).toEqual([B, 2, 2]);
    expect(view.isValid('k', ['t'], 0)).toBe(true);
    expect(view.lease()).toEqual({ epoch: B, seq: 2 });
  });

  test('behind the reply to an own call proves nothing', () => {
    const { view, clock, tail, isProved } = opened();
    view.ownReply({ epoch: A, seq: 9 }, key('k'), undefined);
    clock.block(10_000);
    expect(tail({ seq: 8, snapshot: EMPTY })).toBe('unproved');
    expect(isProved()).toBe(false);
    expect(tail({ seq: 9, snapshot: EMPTY })).toBe('proved');
  });

  test('does not lower what own replies and messages have brought', () => {
    const { view, tail } = opened();
    view.ownReply({ epoch: A, seq: 9 }, tag('t'), undefined);
    tail({ seq: 8, snapshot: { ...EMPTY, tags: new Map([['t', 2]]) } });
    expect(view.isValid('k', ['t'], 8)).toBe(false);
    expect(view.known).toBe(9);
  });
});

describe('the reply to an own call', () => {
  test('is not forgotten where the view starts over', () => {
    const { view, tail, isProved } = opened();
    view.receive(event(6, key('k')));
    view.onTailSent();
    view.ownReply({ epoch: A, seq: 8 }, tag('t'), undefined);
    expect(tail({ seq: 5, snapshot: EMPTY })).toBe('unproved');
    expect(isProved()).toBe(false);
    view.onTailSent();
    expect(tail({ seq: 8, snapshot: { ...EMPTY, tags: new Map([['t', 8]]) } })).toBe('proved');
    expect(view.applied).toBe(8);
    expect(view.isValid('k', ['t'], 7)).toBe(false);
  });

  test('has its effect at once and moves nothing past a gap', () => {
    const { view, memory } = opened();
    const running = flight(view, 'k');
    expect(view.ownReply({ epoch: A, seq: 9 }, { ...key('k'), tags: ['t'] }, undefined)).toBe('applied');
    expect(memory.forgotten).toEqual([['k', 9]]);
    expect(running.isMarked).toBe(true);
    expect(view.isValid('x', ['t'], 8)).toBe(false);
    expect([view.applied, view.known]).toEqual([5, 9]);
  });

  test('of an unknown epoch ends the proof, empties memory, marks all and voids tails under way', () => {
    const { view, memory, isProved } = opened();
    const running = flight(view, 'other');
    const { voids } = view;
    expect(view.ownReply({ epoch: B, seq: 1 }, key('k'), undefined)).toBe('doubted');
    expect(isProved()).toBe(false);
    expect(memory.emptied).toBe(1);
    expect(running.isMarked).toBe(true);
    expect(view.voids).toBe(voids + 1);
    expect(view.epoch).toBe(A);
  });

  test('of an epoch that is over concerns nothing that still counts', () => {
    const { view, tail, isProved, memory } = opened();
    tail({ epoch: B, seq: 2, snapshot: EMPTY });
    memory.emptied = 0;
    expect(view.ownReply({ epoch: A, seq: 77 }, key('k'), undefined)).toBe('void');
    expect(isProved()).toBe(true);
    expect([memory.emptied, view.known]).toEqual([0, 2]);
  });
});

// Symptom: under load every reply of a new epoch voided the tail that was to confirm it, and nothing was ever proved.
test('an epoch doubted already does not void another tail', () => {
  const { view } = opened();
  view.confirmEpoch(B);
  const { voids } = view;
  view.ownReply({ epoch: B, seq: 3 }, key('k'), undefined);
  view.confirmEpoch(B);
  expect(view.voids).toBe(voids);
});

// Symptom: a fence that had been lifted stayed closed on one instance for good, and nothing it covered was cached there.
test('a snapshot that the bus has overtaken closes no fence again', () => {
  const { view, tail, isProved } = opened();
  const fence = { id: 'f', isExclusive: false, keys: ['k'], tags: [], prefixes: [] };
  const change = (seq: number, kind: FenceChange) => ({ ...event(seq, key('k')), fence: kind });
  view.receive(change(6, { kind: 'close', id: 'f', lifeMs: 1_000, isExclusive: false }));
  expect(view.fences.size).toBe(1);
  view.receive(change(7, { kind: 'lift', id: 'f' }));
  expect(tail({ seq: 6, snapshot: { ...EMPTY, fences: [fence] } })).toBe('proved');
  expect(view.fences.size).toBe(0);
  expect([view.applied, isProved()]).toEqual([7, true]);
});

test('a snapshot behind an own call does not count as applied: the fences it shows are asked for again', () => {
  const { view, tail } = opened();
  view.ownReply({ epoch: A, seq: 9 }, key('k'), undefined);
  expect(tail({ seq: 8, snapshot: EMPTY })).toBe('unproved');
  expect(view.applied).toBe(5);
});

describe('an epoch met in a value', () => {
  test('is doubted until a tail has said which one holds, then known to be over', () => {
    const { view, tail, isProved } = opened();
    expect(view.confirmEpoch(A)).toBe(true);
    expect(view.confirmEpoch(B)).toBe(false);
    expect(isProved()).toBe(false);
    expect(tail({ seq: 5, events: [] })).toBe('proved');
    expect(view.confirmEpoch(B)).toBe(true);
    expect(isProved()).toBe(true);
    expect(view.receive(event(1, key('k'), B))).toBe('old');
  });

  test('comes to life again when a tail says so', () => {
    const { view, tail } = opened();
    tail({ epoch: B, seq: 1, snapshot: EMPTY });
    tail({ epoch: A, seq: 9, snapshot: EMPTY });
    expect(view.epoch).toBe(A);
    expect(view.receive(event(10, key('k')))).toBe('applied');
    expect(view.receive(event(2, key('k'), B))).toBe('old');
  });

  test('is remembered as over for a bounded number of them', () => {
    const { view, tail } = opened();
    const epochs = Array.from({ length: 300 }, (_, index) => index.toString(16).padStart(32, '0'));
    for (const epoch of epochs) {
      view.confirmEpoch(epoch);
      tail({ seq: 5, events: [] });
    }
    const voids = view.voids;
    expect(view.confirmEpoch(epochs.at(-1) as string)).toBe(true);
    expect(view.confirmEpoch(epochs[0] as string)).toBe(false);
    expect(view.voids).toBe(voids + 1);
  });
});

test('a number met in a value dates leases and moves nothing else', () => {
  const { view } = opened();
  view.meet(A, 50);
  view.meet(B, 90);
  expect([view.known, view.applied]).toEqual([50, 5]);
  expect(view.lease()).toEqual({ epoch: A, seq: 50 });
});

test("the authority's clock is taken as of the middle of a tail", () => {
  const { view, clock } = opened();
  const sentAtMs = clock.wallMs();
  clock.block(100);
  const authorityMs = sentAtMs + 50 - 3_600_000;
  view.applyTail({ ...REPLY, seq: 5, authorityMs }, sentAtMs, clock.wallMs());
  expect(view.authorityMs(clock.wallMs())).toBe(clock.wallMs() - 3_600_000);
});
