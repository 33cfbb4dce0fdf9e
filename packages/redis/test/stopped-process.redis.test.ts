import { expect, inject, onTestFinished, test } from 'vitest';
import { openCache, uniqueName } from './support/caches.ts';
import { Instance } from './support/instance.ts';
import { eventually, pause, until } from './support/until.ts';

const LEASE_MS = 1_000;

test('a process that was stopped for longer than the lease wakes up to nothing staler than it', async () => {
  const name = uniqueName();
  const url = inject('redisUrl');
  let row = 0;
  const sleeper = await Instance.start();
  onTestFinished(() => sleeper.stop());
  const asleep = await sleeper.open(name, { url, leaseMs: LEASE_MS, database: () => row });
  const awake = openCache({ name, coherence: { lease: LEASE_MS } });
  await asleep.call('watch', 'k');

  for (let round = 0; round < 4; round++) {
    await until('the reader has the newest value', async () => (await asleep.call('watched', 'k')).has(row));
    await eventually(() => asleep.call('peek', 'k')).toBe(row);
    sleeper.signal('SIGSTOP');
    const old = row++;
    await eventually(async () => (await awake.delete('k')).delivered).toBe(true);
    const deletedMs = Date.now();
    await pause(2 * LEASE_MS);
    sleeper.signal('SIGCONT');

    await until('the reader has the new value', async () => (await asleep.call('watched', 'k')).has(row));
    await pause(20);
    const lastBeganMs = (await asleep.call('watched', 'k')).get(old);
    expect(lastBeganMs).toBeLessThanOrEqual(deletedMs + LEASE_MS);
  }
  expect(sleeper.errorOutput).toBe('');
});
