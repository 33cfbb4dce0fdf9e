import { describe, expect, test } from 'vitest';
import type { FenceChange } from '../src/coherence/coordinator.ts';
import { NOTHING } from '../src/wire/event.ts';
import { A, B, EMPTY, event, flight, key, opened, tag } from './support/views.ts';

describe('a message of the bus', () => {
  test('that is next has its effect and moves on', () => {
    const { view, memory } = opened();
    const running = flight(view, 'k');
    expect(view.receive(event(6, key('k')))).toBe('applied');
    expect(memory.forgotten).toEqual([['k', 6]]);
    expect(running.isMarked).toBe(true);
    expect([view.applied, view.known]).toEqual([6, 6]);
  });

  test('that is old is dropped', () => {
    const { view, memory } = opened();
    expect(view.receive(event(5, key('k')))).toBe('old');
    view.receive(event(6, key('k')));
    expect(view.receive(event(6, key('k')))).toBe('old');
    expect(memory.forgotten).toHaveLength(1);
  });

  test('past a gap has its effect at once and leaves the gap to a tail', () => {
    const { view, memory, tail } = opened();
    expect(view.receive(event(8, key('k')))).toBe('gap');
    expect(memory.forgotten).toEqual([['k', 8]]);
    expect([view.applied, view.known]).toEqual([5, 5]);
    expect(tail({ seq: 8, events: [event(6, key('x')), event(7, tag('t')), event(8, key('k'))] })).toBe('proved');
    expect([view.applied, view.known]).toEqual([8, 8]);
    expect(view.isValid('k', ['t'], 6)).toBe(false);
  });

  test('past a gap is believed until a tail that was sent after it has proved the view', () => {
    const { view, tail } = opened();
    view.onTailSent();
    view.receive(event(2 ** 40, { ...NOTHING, tags: ['t'], prefixes: ['p:'] }));
    expect(tail({ seq: 5, events: [] })).toBe('proved');
    expect([view.isValid('k', ['t'], 5), view.isValid('p:k', [], 5), view.hasVersionAbove(5)]).toEqual([
      false,
      false,
      true,
    ]);
    view.onTailSent();
    expect(tail({ seq: 8, events: [event(6, key('x'))] })).toBe('partial');
    expect(view.isValid('k', ['t'], 6)).toBe(false);
    expect(tail({ seq: 8, events: [event(7, key('x')), event(8, tag('other'))] })).toBe('proved');
    expect([view.isValid('k', ['t'], 5), view.isValid('p:k', [], 5), view.hasVersionAbove(8)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('past a gap changes no fence', () => {
    const { view, tail } = opened();
    const close: FenceChange = { kind: 'close', id: 'f', lifeMs: 1_000, isExclusive: false };
    view.receive({ ...event(7, key('k')), fence: close });
    expect(view.fences.size).toBe(0);
    tail({ seq: 7, events: [event(6, key('x')), { ...event(7, key('k')), fence: close }] });
    expect(view.fences.size).toBe(1);
    view.receive({ ...event(2 ** 40, key('k')), fence: { kind: 'lift', id: 'f' } });
    expect(view.fences.size).toBe(1);
  });

  test('that was next and that a tail sent after it knows nothing of makes the view start over', () => {
    const { view, memory, tail } = opened();
    view.receive({
      ...event(6, { ...NOTHING, tags: ['t'], clear: true }),
      fence: { kind: 'close', id: 'f', lifeMs: 1_000, isExclusive: false },
    });
    const running = flight(view, 'k');
    memory.emptied = 0;
    view.onTailSent();
    expect(tail({ seq: 5, snapshot: { ...EMPTY, tags: new Map([['s', 4]]) } })).toBe('proved');
    expect([view.applied, view.known, view.fences.size]).toEqual([5, 5, 0]);
    expect([memory.emptied, running.isMarked]).toEqual([1, true]);
    expect([view.isValid('k', ['t'], 5), view.isValid('k', ['s'], 3)]).toEqual([true, false]);
    expect(view.receive(event(6, key('k')))).toBe('applied');
  });

  test('of another epoch asks for a tail and changes nothing', () => {
    const { view, memory, isProved } = opened();
    expect(view.receive(event(6, { ...NOTHING, clear: true }, B))).toBe('foreign');
    expect([view.epoch, view.applied, memory.emptied]).toEqual([A, 5, 0]);
    expect(isProved()).toBe(true);
  });

  test('of an epoch that is over is dropped', () => {
    const { view, tail } = opened();
    tail({ epoch: B, seq: 3, snapshot: EMPTY });
    expect(view.receive(event(6, key('k')))).toBe('old');
    expect(view.receive(event(4, key('k'), B))).toBe('applied');
  });

  test('with a tag, prefix or clear ends what is dated before it', () => {
    const { view, memory } = opened();
    const before = view.generation;
    view.receive(event(6, { ...NOTHING, tags: ['t'], prefixes: ['p:'] }));
    expect(view.generation).toBeGreaterThan(before);
    expect(view.isValid('k', ['t'], 5)).toBe(false);
    expect(view.isValid('p:k', [], 5)).toBe(false);
    expect(view.hasVersionAbove(5)).toBe(true);
    expect(view.hasVersionAbove(6)).toBe(false);
    view.receive(event(7, { ...NOTHING, clear: true }));
    expect(memory.emptied).toBe(1);
    expect(view.isValid('any', [], 6)).toBe(false);
  });
});
