import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, type Instance, LEASE_MS, openInstances, PAST_LEASE_MS, warm } from './support/instances.ts';

/** Instance b holds `k`, does not hear that it was deleted, and its tails hang. */
async function deaf(): Promise<Instance> {
  const [a, b] = await openInstances(2);
  const { clock: shared } = a;
  await warm([b], 'k', 'old');
  b.remote.isBusCut = true;
  b.remote.tail.hold();
  await a.cache.delete('k');
  expect(b.clock).toBe(shared);
  return b;
}

async function answers(instance: Instance): Promise<unknown> {
  const read = instance.cache.getOrSet('k', () => 'new');
  await settled();
  instance.remote.tail.timeOut();
  await settled();
  instance.remote.tail.timeOut();
  return read;
}

describe('an instance that is deaf', () => {
  test('answers from memory for the lease at most', async () => {
    const b = await deaf();
    let servedMs = 0;
    for (let ms = 0; ms <= PAST_LEASE_MS; ms += 50) {
      if (b.cache.peek('k') === 'old') servedMs = ms;
      await b.clock.advance(50);
    }
    expect(servedMs).toBeLessThanOrEqual(LEASE_MS);
    expect(servedMs).toBeGreaterThan(LEASE_MS * 0.8);
    expect(await answers(b)).toBe('new');
  });

  test('does so too when it was stopped and no timer has run', async () => {
    const b = await deaf();
    b.clock.block(PAST_LEASE_MS);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await answers(b)).toBe('new');
  });

  test('does so too when its machine slept', async () => {
    const b = await deaf();
    b.clock.sleep(PAST_LEASE_MS);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await answers(b)).toBe('new');
  });

  test('does so too when its wall clock is stepped back again and again', async () => {
    const b = await deaf();
    let servedMs = 0;
    for (let ms = 0; ms < 3 * LEASE_MS; ms += 100) {
      if (b.cache.peek('k') === 'old') servedMs = ms;
      await b.clock.advance(100);
      b.clock.stepWall(-100);
    }
    expect(servedMs).toBeLessThanOrEqual(LEASE_MS);
    expect(await answers(b)).toBe('new');
  });

  test('does so too when its wall clock drifts as slowly as goes unnoticed', async () => {
    const b = await deaf();
    let servedMs = 0;
    for (let ms = 0; ms < 3 * LEASE_MS; ms += BEAT_MS) {
      for (let step = 0; step < BEAT_MS; step += 74) {
        if (b.cache.peek('k') === 'old') servedMs = ms + step;
        await b.clock.advance(74);
        b.clock.stepWall(-2);
      }
    }
    expect(servedMs).toBeLessThanOrEqual(LEASE_MS);
  });
});

describe('a step of the wall clock', () => {
  for (const stepMs of [-3_600_000, -500, 500, 3_600_000 / 2]) {
    test(`by ${stepMs} ms is survived: a tail later everything is proved again`, async () => {
      const [a, b] = await openInstances(2);
      await warm([a, b], 'k', 'value');
      a.clock.stepWall(stepMs);
      await a.clock.advance(BEAT_MS + 1);
      await settled();
      expect(a.cache.health().state).toBe('coherent');
      expect(a.cache.peek('k')).toBe(undefined);
      await warm([a, b], 'l', 'new');
      await a.cache.delete('l');
      await settled();
      expect(b.cache.peek('l')).toBe(undefined);
    });
  }

  test('while a load runs lets its result be kept nowhere', async () => {
    const [a] = await openInstances(2);
    const read = a.cache.getOrSet('k', () => new Promise((resolve) => a.clock.after(5_000, () => resolve('value'))));
    await a.clock.advance(1_000);
    a.clock.stepWall(-600_000);
    await a.clock.advance(5_000);
    expect(await read).toBe('value');
    await settled();
    expect(a.cache.peek('k')).toBe(undefined);
  });
});

test('an entry without proof is served while it is young, counted from the start of its load', async () => {
  const [a] = await openInstances(2);
  a.remote.disconnect();
  await a.clock.advance(PAST_LEASE_MS);
  const read = a.cache.getOrSet('k', () => new Promise((resolve) => a.clock.after(1_500, () => resolve('value'))));
  await a.clock.advance(1_500);
  expect(await read).toBe('value');
  await settled();
  expect(a.cache.peek('k')).toBe('value');
  await a.clock.advance(600);
  expect(a.cache.peek('k')).toBe(undefined);
});

// Symptom: a wall clock running slow was taken as the new normal at every look, and stretched an entry past its lease.
test('a wall clock that runs slow is found however often the clocks are compared', async () => {
  const [a, b] = await openInstances(2);
  await warm([b], 'k', 'old');
  b.remote.isBusCut = true;
  b.remote.tail.fail();
  await a.cache.delete('k');
  let servedMs = 0;
  for (let ms = 0; ms < 3 * LEASE_MS; ms += 100) {
    if (b.cache.peek('k') === 'old') servedMs = ms;
    for (let step = 0; step < 10; step++) {
      b.remote.listener.onDoubt();
      await b.clock.advance(10);
      b.clock.stepWall(-4);
    }
  }
  expect(servedMs).toBeLessThanOrEqual(LEASE_MS);
});

// Symptom: a wall clock stepped back once, between two looks, hid up to a third of the lease from the age of a proof.
for (const [what, stepAfterMs] of [
  ['soon after the proof', 100],
  ['just before it lapses', LEASE_MS - 100],
] as const) {
  test(`one step back ${what} does not stretch an entry past the lease`, async () => {
    for (const stepMs of [-300, -700, -1_500]) {
      const [a, b] = await openInstances(2);
      await warm([b], 'k', 'old');
      await b.clock.advance(37);
      b.remote.listener.onDoubt();
      await settled();
      b.remote.isBusCut = true;
      b.remote.tail.hold();
      await a.cache.delete('k');
      let servedMs = 0;
      for (let ms = 0; ms < 2 * LEASE_MS; ms += 20) {
        if (ms === stepAfterMs) b.clock.stepWall(stepMs);
        if (b.cache.peek('k') === 'old') servedMs = ms;
        await b.clock.advance(20);
      }
      expect(servedMs).toBeLessThanOrEqual(LEASE_MS);
    }
  });
}
