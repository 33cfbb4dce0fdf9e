import type { CacheError } from 'tierwise';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../core/test/support/fake-clock.ts';
import { Layout } from '../src/layout.ts';

const LEASE_MS = 1_000;

/** What comes of a tail of partition `index` that is answered with the number `agreed`, or with nothing to the contrary. */
function tail(layout: Layout, index: number, agreed?: number, claim: number = layout.claim): string {
  try {
    layout.note(index, agreed, claim);
    return 'believed';
  } catch (error) {
    return (error as CacheError).code;
  }
}

describe('an instance that has met another number of partitions', () => {
  test('only looks, and believes no partition, until none has told of it for three Δ', async () => {
    const clock = new FakeClock();
    const layout = new Layout({ partitions: 6, clock, leaseMs: LEASE_MS });
    expect([layout.claim, tail(layout, 5)]).toEqual([6, 'believed']);
    expect(tail(layout, 0, 4)).toBe('CONFIG_CONFLICT');
    expect([layout.claim, tail(layout, 5), tail(layout, 0)]).toEqual([-6, 'REMOTE_UNAVAILABLE', 'REMOTE_UNAVAILABLE']);
    await clock.advance(3 * LEASE_MS + 1);
    expect(layout.claim).toBe(-6);
    tail(layout, 0);
    expect([layout.claim, tail(layout, 0), tail(layout, 5)]).toEqual([6, 'believed', 'believed']);
  });

  // Symptom: on a cluster whose number had changed, what was stored before was answered until the next tail.
  test('believes no tail that only looked, though the last partition that told of the other number no longer does', async () => {
    const clock = new FakeClock();
    const layout = new Layout({ partitions: 6, clock, leaseMs: LEASE_MS });
    tail(layout, 0, 4);
    await clock.advance(3 * LEASE_MS + 1);
    const looking = layout.claim;
    expect(tail(layout, 0, undefined, looking)).toBe('REMOTE_UNAVAILABLE');
    // Sent while the number was disputed, answered when it is not any more.
    expect(tail(layout, 5, undefined, looking)).toBe('REMOTE_UNAVAILABLE');
    expect(tail(layout, 0, undefined, layout.claim)).toBe('believed');
  });
});
