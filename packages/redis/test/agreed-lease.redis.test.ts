import type { CacheError } from 'tierwise';
import { expect, test } from 'vitest';
import { openCache, uniqueName } from './support/caches.ts';
import { eventually, pause } from './support/until.ts';

test('an instance with another lease is told, never coherent, and follows when the others are gone', async () => {
  const name = uniqueName();
  const first = openCache({ name, coherence: { lease: '1500ms' } });
  await first.ready();
  await eventually(() => first.health().state).toBe('coherent');
  const second = openCache({ name, coherence: { lease: '600ms' } });
  const errors: CacheError[] = [];
  second.on('error', (error) => errors.push(error));
  expect((await second.ready()).state).not.toBe('coherent');
  await first.set('k', 'shared');
  await pause(1_800);
  await eventually(() => first.health().state).toBe('coherent');
  expect(second.health().state).toBe('suspect');
  expect(await second.get('k')).toBeUndefined();
  expect(await second.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(errors[0]).toMatchObject({
    code: 'CONFIG_CONFLICT',
    facts: { subject: 'coherence.lease', limit: 1_500, actual: 600 },
  });
  expect(await second.delete('k')).toEqual({ delivered: true });
  await eventually(() => first.peek('k')).toBeUndefined();

  const closedMs = performance.now();
  await first.close();
  await eventually(() => second.health().state).toBe('coherent');
  expect(performance.now() - closedMs).toBeGreaterThan(3_000);
});
