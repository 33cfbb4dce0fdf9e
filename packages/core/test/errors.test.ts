import { describe, expect, test } from 'vitest';
import { assert, CacheError, describe as describeValue, ERROR_CODES } from '../src/errors.ts';
import { inProcess } from '../src/in-process/remote.ts';
import { expectCode } from './support/codes.ts';

describe('CacheError', () => {
  test('carries code, facts and cause', () => {
    const cause = new Error('deeper');
    const error = new CacheError('REMOTE_REJECTED', 'refused', { subject: 'set' }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'CacheError', code: 'REMOTE_REJECTED', facts: { subject: 'set' }, cause });
    expect(new CacheError('INTERNAL', 'x').facts).toEqual({});
  });

  test('is recognised across copies of the package, and nothing else is', async () => {
    const specifier = new URL('../src/errors.ts?another-copy', import.meta.url).href;
    const copy = (await import(/* @vite-ignore */ specifier)) as typeof import('../src/errors.ts');
    expect(copy.CacheError).not.toBe(CacheError);
    const foreign = new copy.CacheError('INTERNAL', 'from the copy');
    expect(foreign instanceof CacheError).toBe(false);
    expect(CacheError.is(foreign)).toBe(true);
    expect(copy.CacheError.is(new CacheError('INTERNAL', 'x'))).toBe(true);
    for (const other of [undefined, null, 5, 'CacheError', new Error('x'), { name: 'CacheError', code: 'INTERNAL' }]) {
      expect(CacheError.is(other)).toBe(false);
    }
  });

  test('has no code twice', () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  });
});

test('a broken invariant is INTERNAL', async () => {
  assert(true, 'holds');
  const error = await expectCode('INTERNAL', () => assert(false, 'a is b'));
  expect(error.message).toContain('a is b');
});

test('a description of a value shows its type and numbers, never text', () => {
  const secret = 'secret';
  const seen = [secret, { secret }, [secret], () => secret, Symbol(secret), 5n].map(describeValue);
  expect(seen).toEqual(['a string', 'an object', 'an array', 'a function', 'a symbol', 'a bigint']);
  expect([null, undefined, 5, Number.NaN, true].map(describeValue)).toEqual(['null', 'undefined', '5', 'NaN', 'true']);
});

test('the in-process remote checks its options', async () => {
  for (const options of [null, 5, { max: 1 }, { maxBytes: 0 }, { maxBytes: 1.5 }]) {
    await expectCode('INVALID_OPTIONS', () => inProcess(options as never));
  }
  inProcess({ maxBytes: 1_024 });
});
