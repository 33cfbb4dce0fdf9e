import { describe, expect, test } from 'vitest';
import type { CacheError } from '../src/errors.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { type Instance, openInstance, startInstance } from './support/instances.ts';
import { Hub } from './support/scripted-remote.ts';

function conflictsOf({ cache }: Instance): CacheError[] {
  const conflicts: CacheError[] = [];
  cache.on('error', (error) => conflicts.push(error));
  return conflicts;
}

async function openTwo() {
  const hub = new Hub();
  const clock = new FakeClock();
  const first = await openInstance({ hub, clock, coherence: { lease: '2s' } });
  const second = startInstance({ hub, clock, coherence: { lease: '600ms' } });
  const conflicts = conflictsOf(second);
  await second.cache.ready();
  await settled();
  return { hub, clock, first, second, conflicts };
}

describe('an instance with another lease than the live ones', () => {
  test('is told so and is never coherent, and the others go on', async () => {
    const { clock, first, second, conflicts } = await openTwo();
    expect(conflicts[0]).toMatchObject({
      code: 'CONFIG_CONFLICT',
      facts: { subject: 'coherence.lease', limit: 2_000, actual: 600 },
    });
    await clock.advance(30_000);
    expect(second.cache.health().state).toBe('suspect');
    expect(first.cache.health().state).toBe('coherent');
    expect(conflicts.every(({ code }) => code === 'CONFIG_CONFLICT')).toBe(true);
  });

  test('answers from its loader, believes nothing shared, and its deletes count', async () => {
    const { first, second } = await openTwo();
    await first.cache.getOrSet('k', () => 'shared');
    await settled();
    expect(await second.cache.get('k')).toBe(undefined);
    expect(await second.cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(await second.cache.delete('k')).toEqual({ delivered: true });
    await settled();
    expect(first.cache.peek('k')).toBe(undefined);
  });

  test('is coherent once the others have been gone for three of their leases', async () => {
    const { clock, first, second } = await openTwo();
    await first.cache.close();
    await clock.advance(5_000);
    expect(second.cache.health().state).toBe('suspect');
    await clock.advance(2_000);
    expect(second.cache.health().state).toBe('coherent');
    // Now its lease is the agreed one.
    const third = startInstance({ hub: first.hub, clock, coherence: { lease: '2s' } });
    const conflicts = conflictsOf(third);
    await third.cache.ready();
    expect(conflicts[0]?.facts).toMatchObject({ limit: 600, actual: 2_000 });
  });

  test('is one of many when all of them change at a restart that ends the epoch', async () => {
    const { clock, hub, first, second } = await openTwo();
    hub.authority.lose();
    await first.cache.close();
    hub.authority.open(hub.authority.timeline, 'c'.repeat(32), clock.wallMs());
    await clock.advance(200);
    await settled();
    expect(second.cache.health().state).toBe('coherent');
  });
});
