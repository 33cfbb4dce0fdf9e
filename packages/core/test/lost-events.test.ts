// Schedules of protocol.md section 4 in which an event, a timeline or a clock is lost, by their numbers there.

import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { BEAT_MS, ControlledLoader, openInstances, PAST_LEASE_MS, warm } from './support/instances.ts';

describe('1: the last message before a silence is lost', () => {
  test('the next tail brings it', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    b.remote.isBusCut = true;
    await a.cache.delete('k');
    await settled();
    expect(b.cache.peek('k')).toBe('old');
    await b.clock.advance(BEAT_MS + 1);
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('without a tail the entry ends with the proof', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    b.remote.isBusCut = true;
    b.remote.tail.hold();
    await a.cache.delete('k');
    await b.clock.advance(PAST_LEASE_MS);
    expect(b.cache.peek('k')).toBe(undefined);
    const read = b.cache.getOrSet('k', () => 'new');
    await settled();
    b.remote.tail.timeOut();
    await settled();
    b.remote.tail.timeOut();
    expect(await read).toBe('new');
  });
});

describe('2: the authority restarts and its sequence runs backwards', () => {
  test('events under numbers already seen still count', async () => {
    const [a, b] = await openInstances(2);
    for (let i = 0; i < 10; i++) await a.cache.delete(`x${i}`);
    await settled();
    a.hub.authority.restart(a.clock.wallMs());
    await a.clock.advance(BEAT_MS + 1);
    await settled();
    await warm([a, b], 'k', 'old');
    await a.cache.delete('k');
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('what is in memory is void once the restart is seen', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    const resyncs = b.cache.stats().invalidations.resyncs;
    a.hub.authority.restart(a.clock.wallMs());
    await a.clock.advance(BEAT_MS + 1);
    await settled();
    expect(a.cache.peek('k')).toBe(undefined);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(b.cache.stats().invalidations.resyncs).toBe(resyncs + 1);
    expect(await b.cache.getOrSet('k', () => 'new')).toBe('new');
    await settled();
    expect(await a.cache.get('k')).toBe('new');
  });

  test('a read over a connection of another timeline is not believed', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    b.remote.readTimeline = 'f'.repeat(32);
    expect(await b.cache.get('k')).toBe(undefined);
    expect(b.cache.stats().remote.unproved).toBe(1);
    b.remote.readTimeline = undefined;
    expect(await b.cache.get('k')).toBe('old');
  });

  test('a reply of the new epoch ends what was known, and own effects hold at once', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    await warm([a], 'l', 'old');
    a.hub.authority.restart(a.clock.wallMs());
    expect(await a.cache.delete('k')).toEqual({ delivered: true });
    expect(a.cache.peek('k')).toBe(undefined);
    expect(a.cache.peek('l')).toBe(undefined);
    await settled();
    expect(a.cache.health().state).toBe('coherent');
    expect(await a.cache.getOrSet('k', () => 'new')).toBe('new');
  });

  test('the reply to a fill of the new epoch ends what was known', async () => {
    const [a] = await openInstances(2);
    await warm([a], 'l', 'old');
    const loader = new ControlledLoader<string>();
    const slow = a.cache.getOrSet('k', loader.load);
    await settled();
    a.hub.authority.restart(a.clock.wallMs());
    a.remote.tail.hold();
    loader.answer('value');
    expect(await slow).toBe('value');
    await settled();
    expect(a.cache.peek('l')).toBe(undefined);
    expect(a.cache.peek('k')).toBe(undefined);
    expect(a.cache.health().state).toBe('suspect');
    a.remote.tail.release();
  });

  test('a message of the new epoch asks for a tail at once', async () => {
    const [a, b] = await openInstances(2);
    await warm([b], 'k', 'old');
    a.hub.authority.restart(a.clock.wallMs());
    await a.cache.delete('other');
    await settled();
    expect(b.cache.peek('k')).toBe(undefined);
    expect(b.cache.health().state).toBe('coherent');
  });

  test('a tail already under way when the restart is seen proves nothing', async () => {
    const [a] = await openInstances(2);
    await warm([a], 'k', 'old');
    a.remote.tail.hold('reply');
    await a.clock.advance(BEAT_MS + 1);
    expect(a.remote.tail.held).toBe(1);
    a.hub.authority.restart(a.clock.wallMs());
    const dropped = a.cache.delete('other');
    await settled();
    a.remote.tail.release();
    await settled();
    expect(a.remote.tail.held).toBe(1);
    expect(a.cache.health().state).not.toBe('coherent');
    a.remote.tail.pass();
    a.remote.tail.release();
    await settled();
    expect(a.cache.health().state).toBe('coherent');
    expect(await dropped).toEqual({ delivered: true });
  });

  // Symptom: a delete that a server of an ended history had answered was reported as delivered, and nobody had heard of it.
  test('an invalidation that an ended history answered is not delivered but journaled, and delivered later', async () => {
    const [a] = await openInstances(2);
    a.remote.invalidate.hold('reply');
    const dropped = a.cache.invalidateTags(['t']);
    await settled();
    a.hub.authority.restart(a.clock.wallMs());
    await a.clock.advance(BEAT_MS + 1);
    expect(a.cache.health().state).toBe('coherent');
    a.remote.invalidate.pass();
    a.remote.invalidate.release();
    expect(await dropped).toEqual({ delivered: false });
    expect(a.cache.health().journaled).toBe(1);
    await a.clock.advance(BEAT_MS + 1);
    await settled();
    expect(a.cache.health().journaled).toBe(0);
    expect(a.remote.invalidations).toHaveLength(2);
  });
});

describe('4: an instance is cut from the bus but not from the shared layer', () => {
  for (const tails of ['hang', 'fail'] as const) {
    test(`it does not believe a dead tag when its tails ${tails}`, async () => {
      const [a, b] = await openInstances(2);
      await a.cache.getOrSet('k', () => 'old', { tags: ['t'] });
      await settled();
      b.remote.isBusCut = true;
      await a.cache.invalidateTags(['t']);
      expect(b.hub.stored('k')).not.toBe(undefined);
      if (tails === 'hang') b.remote.tail.hold();
      else b.remote.tail.fail();
      await b.clock.advance(PAST_LEASE_MS);
      const read = b.cache.getOrSet('k', () => 'new');
      await settled();
      b.remote.tail.timeOut();
      await settled();
      b.remote.tail.timeOut();
      expect(await read).toBe('new');
      expect(b.cache.stats().remote.hits).toBe(0);
    });
  }

  test('a read without proof sends a tail beside it and then believes what is valid', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'value', { tags: ['t'] });
    await a.cache.getOrSet('dead', () => 'old', { tags: ['d'] });
    await settled();
    b.remote.isBusCut = true;
    await a.cache.invalidateTags(['d']);
    b.clock.block(PAST_LEASE_MS);
    expect(await b.cache.get('k')).toBe('value');
    expect(await b.cache.get('dead')).toBe(undefined);
  });
});

describe('a read that joins another one under way', () => {
  test('needs a proof of its own', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    b.remote.isBusCut = true;
    b.remote.tail.hold();
    b.clock.block(1_000);
    b.remote.read.hold('reply');
    const early = b.cache.get('k');
    await settled();
    await a.cache.delete('k');
    b.clock.block(1_500);
    const late = b.cache.get('k');
    await settled();
    b.remote.read.release();
    expect(await early).toBe('old');
    expect(await late).toBe(undefined);
  });
});

test('a read without proof waits for its tail, also when the shared layer answers first', async () => {
  const [a, b] = await openInstances(2);
  await a.cache.getOrSet('k', () => 'value');
  await settled();
  b.clock.block(PAST_LEASE_MS);
  b.remote.tail.hold();
  const read = b.cache.get('k');
  await settled();
  b.remote.tail.release();
  expect(await read).toBe('value');
});

describe('9: a late message of a dead epoch', () => {
  test('changes nothing', async () => {
    const [a, b] = await openInstances(2);
    b.remote.isBusHeld = true;
    await a.cache.delete('x');
    await settled();
    expect(b.remote.bus).toHaveLength(1);
    a.hub.authority.restart(a.clock.wallMs());
    await a.clock.advance(BEAT_MS + 1);
    await settled();
    await warm([b], 'k', 'value');
    const { epoch } = b.remote.partition.view;
    const tails = b.remote.tail.calls;
    b.remote.deliver();
    await settled();
    expect(b.remote.partition.view.epoch).toBe(epoch);
    expect(b.cache.peek('k')).toBe('value');
    expect(b.cache.health().state).toBe('coherent');
    expect(b.remote.tail.calls).toBe(tails);
  });
});

describe('10: an entry is read from the shared layer while the proof is old', () => {
  test('its youth counts from the proof, not from the read', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'old');
    await settled();
    b.remote.tail.hold();
    b.remote.isBusCut = true;
    b.clock.block(1_500);
    expect(await b.cache.get('k')).toBe('old');
    await a.cache.delete('k');
    b.clock.block(1_000);
    // 2.5 s after what the view was proved by, 1 s after the read.
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('entry() tells the age since the proof', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.getOrSet('k', () => 'value');
    await settled();
    b.clock.block(1_500);
    expect(await b.cache.entry('k')).toMatchObject({ layer: 'scripted', ageMs: 1_500 });
  });
});

describe('15: the machine sleeps, its monotonic clock does not go on', () => {
  test('nothing that memory held is served when it wakes', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    b.remote.isBusCut = true;
    await a.cache.delete('k');
    b.clock.sleep(3_600_000 / 2);
    expect(b.cache.peek('k')).toBe(undefined);
    expect(await b.cache.get('k')).toBe(undefined);
  });
});
