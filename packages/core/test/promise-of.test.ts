import { expect, test } from 'vitest';
import { promiseOf } from '../src/promise-of.ts';

test('the promise of a call is its own', async () => {
  const own = Promise.resolve(1);
  expect(promiseOf(() => own)).toBe(own);
  const failed = Promise.reject(new Error('rejected'));
  expect(promiseOf(() => failed)).toBe(failed);
  await expect(failed).rejects.toThrow('rejected');
});

test('a call that throws where it should reject has rejected, with what it threw', async () => {
  const thrown = new Error('thrown');
  await expect(
    promiseOf(() => {
      throw thrown;
    }),
  ).rejects.toBe(thrown);
});

test('a call that answers with no promise has resolved', async () => {
  await expect(promiseOf(() => 5 as never)).resolves.toBe(5);
});
