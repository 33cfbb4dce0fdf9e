// Schedule 14 of protocol.md: the subscription is gone without a word, and the connection goes on answering.

import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, openInstances, warm } from './support/instances.ts';

describe('14: a bus that has gone deaf', () => {
  test('is renewed after three tails that brought what no message told of, and stays coherent meanwhile', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusCut = true;
    for (let tails = 1; tails <= 3; tails++) {
      await warm([a, b], 'k', tails);
      expect(b.remote.busRenewals).toBe(0);
      await a.cache.delete('k');
      await b.clock.advance(BEAT_MS + 1);
      await settled();
      expect(b.cache.peek('k')).toBe(undefined);
    }
    expect(b.remote.busRenewals).toBe(1);
    expect(a.remote.busRenewals).toBe(0);
    await warm([a, b], 'k', 'last');
    await a.cache.delete('k');
    await settled();
    // By message, without a tail.
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('is left alone when nothing happens, however long', async () => {
    const [, b] = await openInstances(2);
    b.remote.isBusCut = true;
    await b.clock.advance(100 * BEAT_MS);
    expect(b.remote.busRenewals).toBe(0);
  });

  test('is left alone when it is only slower than the tails', async () => {
    const [a, b] = await openInstances(2);
    for (let round = 0; round < 20; round++) {
      b.remote.isBusHeld = true;
      await a.cache.delete('k');
      await b.clock.advance(BEAT_MS + 1);
      await settled();
      b.remote.deliver();
    }
    expect(b.remote.busRenewals).toBe(0);
  });

  // Symptom: every set to a layer without scripts asks for a tail, and where the network was slow its writer kept tearing
  // its own subscription down.
  test('is left alone when tails on demand outrun it, however many', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusHeld = true;
    for (let round = 0; round < 20; round++) {
      await a.cache.delete('k');
      b.remote.listener.onDoubt();
      await settled();
    }
    expect(b.remote.busRenewals).toBe(0);
  });

  test('is renewed again when that did not help', async () => {
    const [a, b] = await openInstances(2);
    for (let round = 0; round < 9; round++) {
      b.remote.isBusCut = true;
      await a.cache.delete('k');
      await b.clock.advance(BEAT_MS + 1);
      await settled();
    }
    expect(b.remote.busRenewals).toBe(3);
  });
});
