import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, type Instance, openInstance, openInstances, warm } from './support/instances.ts';
import { MEMBER } from './support/member.ts';

describe('an event that was missed', () => {
  test('is fetched by a tail as soon as the next message shows the gap', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    const gaps: unknown[] = [];
    b.cache.on('gap', (event) => gaps.push(event));
    b.remote.isBusHeld = true;
    await a.cache.delete('k');
    await a.cache.delete('x');
    b.remote.deliver(([, second]) => (second === undefined ? [] : [second]));
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
    expect(gaps).toEqual([{ partition: 0 }]);
    expect(b.cache.stats().invalidations.gaps).toBe(1);
  });

  for (const [name, order] of [
    ['twice', (held: unknown[]) => [...held, ...held]],
    ['in reverse', (held: unknown[]) => [...held].reverse()],
  ] as const) {
    test(`has its effect once when messages come ${name}`, async () => {
      const [a, b] = await openInstances(2);
      await warm([a, b], 'k', 'old', ['t']);
      b.remote.isBusHeld = true;
      await a.cache.invalidateTags(['t']);
      await a.cache.delete('x');
      await a.cache.delete('y');
      b.remote.deliver(order as never);
      await settled();
      expect(b.cache.peek('k')).toBe(undefined);
      expect(b.remote.partition.view.applied).toBe(3);
      expect(await b.cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
      await settled();
      expect(b.cache.peek('k')).toBe('new');
    });
  }

  test('does not end an entry that was loaded after it', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusHeld = true;
    await a.cache.delete('k');
    await b.clock.advance(BEAT_MS + 1);
    await settled();
    await warm([b], 'k', 'new');
    b.remote.deliver();
    await settled();
    expect(b.cache.peek('k')).toBe('new');
  });

  test('ends a value that was read from the shared layer before it and comes after it', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    b.remote.read.hold('reply');
    const read = b.cache.get('k');
    await settled();
    await a.cache.delete('k');
    await settled();
    b.remote.read.release();
    expect(await read).toBe(undefined);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(b.cache.stats().remote.stale).toBe(1);
  });

  test('ends nothing when the value that was read is newer', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusHeld = true;
    await a.cache.delete('k');
    await settled();
    await a.cache.getOrSet('k', () => 'new');
    await settled();
    b.remote.read.hold('reply');
    const read = b.cache.get('k');
    await settled();
    b.remote.deliver();
    b.remote.read.release();
    expect(await read).toBe('new');
  });
});

describe('an instance that starts late', () => {
  test('knows the tags, prefixes and clears from before', async () => {
    for (const invalidate of [
      ({ cache }: Instance) => cache.invalidateTags(['t']),
      ({ cache }: Instance) => cache.invalidatePrefix('p:'),
      ({ cache }: Instance) => cache.clear(),
    ]) {
      const a = await openInstance();
      await a.cache.getOrSet('p:k', () => 'old', { tags: ['t'] });
      await settled();
      await invalidate(a);
      expect(a.hub.stored('p:k')).not.toBe(undefined);
      const late = await openInstance({ hub: a.hub, clock: a.clock });
      expect(await late.cache.get('p:k')).toBe(undefined);
    }
  });
});

describe('bytes in the shared layer that do not count', () => {
  test('of an epoch never met: everything is held back until a tail has spoken', async () => {
    const a = await openInstance();
    await warm([a], 'k', 'value');
    const other = await openInstance();
    await other.cache.getOrSet('foreign', () => 'foreign');
    await settled();
    const bytes = other.hub.stored('foreign');
    const { authority } = a.hub;
    const { epoch } = authority.tail({ member: MEMBER, epoch: undefined, applied: 0 }, 0);
    authority.fill([{ key: 'foreign', lease: { epoch, seq: 0 }, ttlMs: 0, bytes: bytes as Uint8Array }], 0);
    expect(await a.cache.get('foreign')).toBe(undefined);
    expect(a.cache.stats().remote.stale).toBe(1);
    await settled();
    expect(a.cache.health().state).toBe('coherent');
    await warm([a], 'k', 'value');
    // Now it is known to be over, so it costs nothing more.
    expect(await a.cache.get('foreign')).toBe(undefined);
    expect(a.cache.peek('k')).toBe('value');
  });
});
