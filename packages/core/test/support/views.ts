import { expect } from 'vitest';
import type { Invalidation, SequencedEvent, Snapshot, TailReply } from '../../src/coherence/coordinator.ts';
import { View } from '../../src/coherence/view.ts';
import { Flight } from '../../src/engine/flight.ts';
import { NOTHING } from '../../src/wire/event.ts';
import { FakeClock } from './fake-clock.ts';

export const A = 'a'.repeat(32);
export const B = 'b'.repeat(32);
export const EMPTY: Snapshot = {
  tags: new Map(),
  prefixes: new Map(),
  patterns: new Map(),
  fences: [],
  clear: 0,
  floors: new Map(),
  slots: new Map(),
};

export const key = (name: string): Invalidation => ({ ...NOTHING, keys: [name] });
export const tag = (name: string): Invalidation => ({ ...NOTHING, tags: [name] });
export const event = (seq: number, invalidation: Invalidation, epoch = A): SequencedEvent => ({
  epoch,
  seq,
  invalidation,
  fence: undefined,
});

export const REPLY: TailReply = {
  epoch: A,
  timeline: 'T',
  seq: 0,
  authorityMs: 0,
  conflictingLeaseMs: undefined,
  events: [],
  snapshot: undefined,
};

class RecordingMemory {
  readonly forgotten: [string, number][] = [];
  emptied = 0;

  forget(name: string, seq: number): void {
    this.forgotten.push([name, seq]);
  }

  forgetAll(): void {
    this.emptied++;
  }
}

export function bare() {
  const clock = new FakeClock();
  const memory = new RecordingMemory();
  const view = new View({ clock, leaseMs: 2_000, maxVersions: 100, memory });
  const tail = (reply: Partial<TailReply>) => {
    const nowMs = clock.wallMs();
    const whole = { ...REPLY, authorityMs: nowMs, ...reply };
    return view.applyTail(whole, nowMs, nowMs);
  };
  return { clock, memory, view, tail, isProved: () => view.proof.covers(clock.wallMs()) };
}

/** A view in epoch A that has applied everything up to 5. */
export function opened() {
  const made = bare();
  expect(made.tail({ seq: 5, snapshot: EMPTY })).toBe('proved');
  made.memory.emptied = 0;
  return made;
}

export function flight(view: View, name: string): Flight {
  const started = new Flight({
    key: name,
    isFenced: false,
    lease: view.lease(),
    startedAtMs: 0,
    date: 0,
    tags: [],
    hasUnknownTags: false,
    owner: undefined,
    trace: undefined,
    start: () => new Promise(() => {}),
  });
  view.activity.add(started);
  return started;
}
