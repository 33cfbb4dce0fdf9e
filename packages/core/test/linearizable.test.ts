import { describe, expect, test } from 'vitest';
import type { MutateResult } from '../src/engine/mutations.ts';
import { settled } from './support/fake-clock.ts';
import { ControlledLoader, type Instance, LEASE_MS, openInstance, openInstances, warm } from './support/instances.ts';
import { begin } from './support/mutation.ts';

/** Runs a guarded write to its end; answers whether it had resolved within `ms`. */
async function linearizedWithin({ cache, clock }: Instance, ms: number): Promise<boolean> {
  let isSettled = false;
  const call = cache.mutate({ keys: ['k'] }, () => 'written', { consistency: 'linearizable' });
  const settling = call.then(() => {
    isSettled = true;
  });
  await clock.advance(ms);
  const wasSettled = isSettled;
  await clock.advance(2 * LEASE_MS);
  await settling;
  expect(await call).toMatchObject({ linearized: true });
  return wasSettled;
}

describe('linearizable', () => {
  test('resolves when every member has told that it applied the lift', async () => {
    const [a, b] = await openInstances(2);
    await a.clock.advance(10_000);
    b.remote.tail.hold();
    const mutation = await begin(a, { keys: ['k'] }, { consistency: 'linearizable' });
    expect(a.remote.fenceChanges[0]).toMatchObject({ isExclusive: true });
    let result: MutateResult<string> | undefined;
    void mutation.commit().then((value) => {
      result = value;
    });
    await a.clock.advance(200);
    expect(result).toBe(undefined);
    b.remote.tail.release();
    b.remote.tail.pass();
    await a.clock.advance(200);
    expect(result).toMatchObject({ linearized: true, delivered: true, fenced: true });
  });

  test('waits out the lease of a member that does not answer, and not longer', async () => {
    const [a, b] = await openInstances(2);
    await warm([a, b], 'k', 'old');
    await a.clock.advance(10_000);
    b.remote.tail.hold();
    b.remote.isBusCut = true;
    let result: MutateResult<string> | undefined;
    void a.cache
      .mutate({ keys: ['k'] }, () => 'written', { consistency: 'linearizable' })
      .then((value) => {
        result = value;
      });
    await a.clock.advance(LEASE_MS);
    expect(result).toBe(undefined);
    await a.clock.advance(0.05 * LEASE_MS + 100);
    expect(result).toMatchObject({ linearized: true });
    expect(b.cache.peek('k')).toBe(undefined);
  });

  test('waits for the members of a fresh epoch, who have not registered yet', async () => {
    const [a] = await openInstances(2);
    await a.clock.advance(10_000);
    a.hub.authority.restart(a.clock.wallMs());
    let result: MutateResult<string> | undefined;
    void a.cache
      .mutate({ keys: ['k'] }, () => 'written', { consistency: 'linearizable' })
      .then((value) => {
        result = value;
      });
    await a.clock.advance(LEASE_MS);
    expect(result).toBe(undefined);
    await a.clock.advance(0.05 * LEASE_MS + 100);
    expect(result).toMatchObject({ linearized: true });
  });

  test('says so when it could not find out, and ends', async () => {
    const [a] = await openInstances(2);
    await a.clock.advance(10_000);
    a.remote.members.fail();
    let result: MutateResult<string> | undefined;
    void a.cache
      .mutate({ keys: ['k'] }, () => 'written', { consistency: 'linearizable' })
      .then((value) => {
        result = value;
      });
    await a.clock.advance(2.1 * LEASE_MS + 200);
    expect(result).toMatchObject({ delivered: true, linearized: false });
  });

  test('is not claimed when the lift was not delivered', async () => {
    const a = await openInstance();
    const mutation = await begin(a, { keys: ['k'] }, { consistency: 'linearizable' });
    a.remote.disconnect();
    expect(await mutation.commit()).toMatchObject({ delivered: false, linearized: false });
  });

  test('waits out the lease where the list of members alone was lost', async () => {
    const [a] = await openInstances(2);
    await a.clock.advance(10_000);
    a.hub.authority.loseMembers();
    expect(await linearizedWithin(a, LEASE_MS)).toBe(false);
  });

  test('waits out the lease where the list of members is young, and not where it is old', async () => {
    const [a] = await openInstances(2);
    a.hub.authority.loseMembers();
    await a.clock.advance(3_000);
    expect(await linearizedWithin(a, LEASE_MS)).toBe(false);
    await a.clock.advance(10_000);
    expect(await linearizedWithin(a, 100)).toBe(true);
  });

  test('does not wait for a member that was closed', async () => {
    const [a, b] = await openInstances(2);
    await a.clock.advance(10_000);
    await b.cache.close();
    expect(a.hub.authority.members(a.clock.wallMs()).members).toHaveLength(1);
    expect(await linearizedWithin(a, 100)).toBe(true);
  });

  test('waits out the lease of a member that died', async () => {
    const [a, b] = await openInstances(2);
    await a.clock.advance(10_000);
    b.remote.leave.fail();
    await b.cache.close();
    expect(await linearizedWithin(a, LEASE_MS)).toBe(false);
  });

  test('keeps loads of what it covers from being shared, and of nothing else', async () => {
    const [a, b] = await openInstances(2);
    const mutation = await begin(a, { keys: ['k'], tags: ['t'] }, { consistency: 'linearizable' });
    for (const [index, { cache }] of [a, b].entries()) {
      for (const [key, options, runs] of [
        ['k', {}, 3],
        ['tagged', { tags: ['t'] }, 3],
        ['computed', { valueTags: () => [] }, 3],
        [`other${index}`, {}, 1],
      ] as const) {
        const loader = new ControlledLoader<string>();
        const reads = [1, 2, 3].map(() => cache.getOrSet(key, loader.load, options));
        await settled();
        expect(loader.calls, key).toBe(runs);
        for (let run = 0; run < runs; run++) loader.answer('value', run);
        await Promise.all(reads);
      }
    }
    void mutation.commit();
    await a.clock.advance(2 * LEASE_MS);
    await mutation.result;
  });

  test('bounded shares loads under its fence', async () => {
    const a = await openInstance();
    const mutation = await begin(a, { keys: ['k'] });
    const loader = new ControlledLoader<string>();
    const reads = [1, 2, 3].map(() => a.cache.getOrSet('k', loader.load));
    await settled();
    expect(loader.calls).toBe(1);
    loader.answer('value');
    await Promise.all(reads);
    await mutation.commit();
  });
});
