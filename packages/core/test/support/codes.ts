import { expect } from 'vitest';
import { CacheError, type ErrorCode } from '../../src/errors.ts';

/** What a call throws or rejects with, which must be a `CacheError`. */
export async function errorOf(call: () => unknown): Promise<CacheError> {
  try {
    await call();
  } catch (error) {
    if (CacheError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

export async function expectCode(code: ErrorCode, call: () => unknown): Promise<CacheError> {
  const error = await errorOf(call);
  expect(error.code).toBe(code);
  return error;
}
