import { describe, expect, onTestFinished, test } from 'vitest';
import type { Coordinator } from '../src/coherence/coordinator.ts';
import { Tailer, type TailOutcome } from '../src/coherence/tailer.ts';
import { View } from '../src/coherence/view.ts';
import { NOTHING } from '../src/wire/event.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { Gate } from './support/gate.ts';
import { Hub } from './support/scripted-remote.ts';

const LEASE_MS = 3_000;
const BEAT_MS = 1_000;

function start(pageEvents?: number) {
  const clock = new FakeClock();
  const { authority } = new Hub();
  const gate = new Gate();
  const outcomes: TailOutcome[] = [];
  const memory = { forget: () => {}, forgetAll: () => {} };
  const view = new View({ clock, leaseMs: LEASE_MS, maxVersions: 100, memory });
  const coordinator: Coordinator = {
    channel: 'test',
    listen: () => {},
    invalidate: async (invalidation, fence) => authority.invalidate(invalidation, fence, clock.wallMs()),
    renewBus: () => {},
    renewFence: async () => false,
    members: async () => ({ members: [], ageMs: 0 }),
    leave: async () => {},
    tail: (request) =>
      gate.run(() => {
        const reply = authority.tail(request, clock.wallMs());
        return { ...reply, events: reply.events.slice(0, pageEvents) };
      }),
  };
  const refusals: unknown[] = [];
  let untold = 0;
  const tailer = new Tailer({
    clock,
    view,
    coordinator,
    leaseMs: LEASE_MS,
    member: { id: 'one', leaseMs: LEASE_MS },
    onUntold: () => untold++,
    onSettled: (outcome) => outcomes.push(outcome),
    onRefused: (reason) => refusals.push(reason),
  });
  onTestFinished(() => tailer.stop());
  return {
    clock,
    authority,
    gate,
    outcomes,
    refusals,
    untold: () => untold,
    view,
    tailer,
    isProved: () => view.proof.covers(clock.wallMs()),
  };
}

describe('the tailer', () => {
  test('sends a tail every third of the lease', async () => {
    const { clock, gate, outcomes } = start();
    await clock.advance(10 * BEAT_MS);
    expect(gate.calls).toBe(10);
    expect(outcomes).toEqual(['resynced', ...new Array(9).fill('proved')]);
  });

  test('sends one at once when asked, never two at a time, and one more when asked meanwhile', async () => {
    const { gate, tailer } = start();
    gate.hold();
    tailer.request();
    tailer.request();
    tailer.request();
    expect(gate.held).toBe(1);
    gate.release();
    await settled();
    expect(gate.calls).toBe(2);
    gate.pass();
    gate.release();
    await settled();
    expect(gate.calls).toBe(2);
  });

  test('goes on at once through the pages of a long log', async () => {
    const { gate, tailer, view, authority, clock, isProved } = start(10);
    tailer.request();
    await settled();
    for (let i = 0; i < 95; i++) authority.invalidate({ ...NOTHING, keys: [`k${i}`] }, undefined, clock.wallMs());
    clock.block(2 * LEASE_MS);
    const before = gate.calls;
    tailer.request();
    await settled();
    expect(view.applied).toBe(95);
    expect(gate.calls - before).toBe(10);
    expect(isProved()).toBe(true);
  });

  test('gives up after many tails in a row, and goes on with the next beat', async () => {
    const { gate, tailer, view, authority, clock } = start(1);
    tailer.request();
    await settled();
    for (let i = 0; i < 100; i++) authority.invalidate({ ...NOTHING, keys: [`k${i}`] }, undefined, clock.wallMs());
    const before = gate.calls;
    tailer.request();
    await settled();
    expect(gate.calls - before).toBe(64);
    await clock.advance(BEAT_MS);
    expect(view.applied).toBe(100);
  });

  test('survives a failed tail', async () => {
    const { gate, clock, outcomes, refusals, isProved } = start();
    gate.fail();
    await clock.advance(2 * BEAT_MS);
    expect(outcomes).toEqual(['failed', 'failed']);
    expect(refusals).toHaveLength(2);
    expect(isProved()).toBe(false);
    gate.pass();
    await clock.advance(BEAT_MS);
    expect(isProved()).toBe(true);
  });

  test('sends nothing once stopped', async () => {
    const { gate, clock, tailer } = start();
    tailer.stop();
    tailer.request();
    await clock.advance(5 * BEAT_MS);
    expect(gate.calls).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test('counts a proof from when the tail was sent, however long it took', async () => {
    const { gate, clock, tailer, view } = start();
    gate.hold('reply');
    tailer.request();
    const sentAtMs = clock.wallMs();
    await clock.advance(700);
    gate.release();
    await settled();
    expect(view.proof.sentAtMs).toBe(sentAtMs);
  });

  test('discards the reply to a tail that was voided meanwhile, and asks again', async () => {
    const { gate, tailer, view, isProved } = start();
    gate.hold('reply');
    tailer.request();
    await settled();
    view.forgetEverything();
    gate.release();
    await settled();
    expect(isProved()).toBe(false);
    gate.release();
    await settled();
    expect(isProved()).toBe(true);
    expect(gate.calls).toBe(2);
  });
});

describe('proving for a read', () => {
  test('sends nothing while the view is proved', async () => {
    const { gate, tailer, clock } = start();
    tailer.request();
    await settled();
    const { calls } = gate;
    expect(await tailer.prove(clock.wallMs())).toBe(true);
    expect(gate.calls).toBe(calls);
  });

  test('shares one tail among all who ask', async () => {
    const { gate, tailer, clock } = start();
    const answers = await Promise.all(Array.from({ length: 100 }, () => tailer.prove(clock.wallMs())));
    expect(answers.every(Boolean)).toBe(true);
    expect(gate.calls).toBe(1);
  });

  test('joins a tail under way that was sent late enough', async () => {
    const { gate, tailer, clock } = start();
    gate.hold();
    tailer.request();
    clock.block(500);
    const proving = tailer.prove(clock.wallMs());
    gate.release();
    expect(await proving).toBe(true);
    expect(gate.calls).toBe(1);
  });

  test('sends another one after a tail under way that is too old', async () => {
    const { gate, tailer, clock } = start();
    gate.hold();
    tailer.request();
    clock.block(2 * LEASE_MS);
    const proving = tailer.prove(clock.wallMs());
    await settled();
    gate.pass();
    gate.release();
    expect(await proving).toBe(true);
    expect(gate.calls).toBe(2);
  });

  test('answers no when the tail fails', async () => {
    const { gate, tailer, clock } = start();
    gate.fail();
    expect(await tailer.prove(clock.wallMs())).toBe(false);
    tailer.stop();
    expect(await tailer.prove(clock.wallMs())).toBe(false);
  });
});

describe('clocks that part', () => {
  test('end the proof before the tail that notices is sent', async () => {
    const { gate, clock, tailer, outcomes, isProved } = start();
    tailer.request();
    await settled();
    gate.hold();
    clock.stepWall(500);
    tailer.request();
    expect(outcomes.at(-1)).toBe('clock-jump');
    expect(isProved()).toBe(false);
    gate.release();
    await settled();
    expect(isProved()).toBe(true);
  });

  test('are noticed by the beat also while a tail hangs', async () => {
    const { gate, clock, tailer, outcomes, isProved } = start();
    tailer.request();
    await settled();
    gate.hold();
    await clock.advance(BEAT_MS);
    expect(gate.held).toBe(1);
    clock.stepWall(-400);
    await clock.advance(BEAT_MS);
    expect(outcomes.at(-1)).toBe('clock-jump');
    expect(isProved()).toBe(false);
  });
});
