import { expect, test } from 'vitest';
import { Buckets } from '../src/coherence/buckets.ts';
import { fenceSlot } from '../src/coherence/slots.ts';

test('the version of a bucket is the highest number met, in whatever order', () => {
  const buckets = new Buckets();
  expect(buckets.versionOf('k')).toBe(0);
  buckets.raise(['k', 'other'], 7);
  buckets.raise(['k'], 3);
  buckets.merge(new Map([[fenceSlot('k'), 5]]));
  expect([buckets.versionOf('k'), buckets.versionOf('other')]).toEqual([7, 7]);
  buckets.merge(new Map([[fenceSlot('k'), 9]]));
  expect([buckets.versionOf('k'), buckets.versionOf('other')]).toEqual([9, 7]);
});

test('another epoch begins without versions', () => {
  const buckets = new Buckets();
  buckets.raise(['k'], 7);
  buckets.reset();
  expect(buckets.versionOf('k')).toBe(0);
  buckets.raise(['k'], 1);
  expect(buckets.versionOf('k')).toBe(1);
});

test('what nobody has confirmed counts until it is settled', () => {
  const buckets = new Buckets();
  buckets.raise(['k'], 7);
  buckets.raiseForNow(['k', 'other'], 2 ** 40);
  buckets.raiseForNow(['k', 'other'], 9);
  expect([buckets.versionOf('k'), buckets.versionOf('other')]).toEqual([2 ** 40, 2 ** 40]);
  buckets.raise(['k'], 8);
  buckets.settle();
  expect([buckets.versionOf('k'), buckets.versionOf('other')]).toEqual([8, 0]);
  buckets.raiseForNow(['k'], 9);
  buckets.reset();
  expect(buckets.versionOf('k')).toBe(0);
});
