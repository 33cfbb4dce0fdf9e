import { expect, test } from 'vitest';
import { randomEpoch } from '../src/random.ts';

test('epochs are 32 digits each and never the same twice', () => {
  const epochs = Array.from({ length: 1_000 }, () => randomEpoch());
  expect(new Set(epochs).size).toBe(1_000);
  for (const epoch of epochs) expect(epoch).toMatch(/^[0-9a-f]{32}$/);
  // Nor are any two halves, which epochs cut from overlapping bytes would share.
  expect(new Set(epochs.flatMap((epoch) => [epoch.slice(0, 16), epoch.slice(16)])).size).toBe(2_000);
});
