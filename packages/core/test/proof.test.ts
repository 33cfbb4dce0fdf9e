import { describe, expect, test } from 'vitest';
import { Proof } from '../src/coherence/proof.ts';
import { FakeClock } from './support/fake-clock.ts';

const LEASE_MS = 2_000;

function proved(): { clock: FakeClock; proof: Proof; isCovered: () => boolean } {
  const clock = new FakeClock();
  const proof = new Proof(clock, LEASE_MS);
  proof.renew(clock.wallMs(), 'timeline');
  return { clock, proof, isCovered: () => proof.covers(clock.wallMs()) };
}

describe('a proof', () => {
  test('covers nothing before the first tail', () => {
    const clock = new FakeClock();
    const proof = new Proof(clock, LEASE_MS);
    expect(proof.covers(clock.wallMs())).toBe(false);
    expect(proof.timeline).toBe('');
  });

  test('lapses by itself, never later than the lease', () => {
    const { clock, proof, isCovered } = proved();
    clock.block(proof.limitMs);
    expect(isCovered()).toBe(true);
    clock.block(1);
    expect(isCovered()).toBe(false);
    expect(proof.limitMs).toBeLessThan(LEASE_MS);
    expect(proof.limitMs).toBeGreaterThan(LEASE_MS * 0.9);
  });

  test('is judged as of the moment a read began', () => {
    const { clock, proof } = proved();
    const beganMs = clock.wallMs();
    clock.block(10 * LEASE_MS);
    expect(proof.covers(beganMs, clock.wallMs())).toBe(true);
    expect(proof.covers(clock.wallMs())).toBe(false);
  });

  test('is not moved back by an older tail that ends later', () => {
    const { clock, proof } = proved();
    clock.block(500);
    proof.renew(clock.wallMs(), 'new');
    proof.renew(clock.wallMs() - 400, 'old');
    expect(proof.timeline).toBe('new');
    expect(proof.sentAtMs).toBe(clock.wallMs());
  });

  test('ends at once when it is ended', () => {
    const { proof, isCovered } = proved();
    proof.end();
    expect(isCovered()).toBe(false);
    expect(proof.timeline).toBe('');
  });

  test('from the future is a stepped clock and covers nothing', () => {
    const { clock, isCovered } = proved();
    clock.stepWall(-1_000);
    expect(isCovered()).toBe(false);
  });
});

describe('the check of both clocks', () => {
  test('is content while they go on alike', () => {
    const { clock, proof } = proved();
    for (let i = 0; i < 100; i++) {
      clock.block(667);
      expect(proof.checkClocks()).toBe(true);
    }
  });

  for (const [name, disturb] of [
    ['the wall clock is stepped back', (clock: FakeClock) => clock.stepWall(-100)],
    ['the wall clock is stepped forward', (clock: FakeClock) => clock.stepWall(100)],
    ['the machine slept', (clock: FakeClock) => clock.sleep(60_000)],
  ] as const) {
    test(`fails once when ${name}`, () => {
      const { clock, proof } = proved();
      clock.block(100);
      disturb(clock);
      expect(proof.checkClocks()).toBe(false);
      clock.block(100);
      expect(proof.checkClocks()).toBe(true);
    });
  }

  test('overlooks no more than the tolerance, which the limit has room for four times', () => {
    const { clock, proof } = proved();
    const tolerance = (LEASE_MS - proof.limitMs) / 4;
    clock.stepWall(-tolerance);
    expect(proof.checkClocks()).toBe(true);
    clock.stepWall(-tolerance - 1);
    expect(proof.checkClocks()).toBe(false);
  });
});
