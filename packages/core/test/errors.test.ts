import { describe, expect, test } from 'vitest';
import { assert, CacheError, describe as describeValue, ERROR_CODES, withFacts } from '../src/errors.ts';
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

describe('an error with further facts', () => {
  const cause = new Error('deeper');
  const error = new CacheError('REMOTE_REJECTED', 'refused', { server: 'h:1' }, { cause });

  test('is another one with code, message, stack and cause of the first, which stays as it is', () => {
    const told = withFacts(error, { store: 'redis' });
    expect(told).toMatchObject({ code: 'REMOTE_REJECTED', message: 'refused', stack: error.stack, cause });
    expect(told.facts).toEqual({ server: 'h:1', store: 'redis' });
    expect(error.facts).toEqual({ server: 'h:1' });
    expect('cause' in withFacts(new CacheError('INTERNAL', 'x'), { store: 'redis' })).toBe(false);
  });

  test('is the same one for the same facts, and never one with others', () => {
    const told = withFacts(error, { store: 'redis' });
    expect(withFacts(error, { store: 'redis' })).toBe(told);
    expect(withFacts(error, { store: 'near' }).facts).toEqual({ server: 'h:1', store: 'near' });
    expect(withFacts(error, { store: 'redis', limit: 5 }).facts).toEqual({ server: 'h:1', store: 'redis', limit: 5 });
    expect(withFacts(error, { store: 'redis' }).facts).toEqual({ server: 'h:1', store: 'redis' });
  });

  test('is itself where it has them, or others in their place', () => {
    expect(withFacts(error, { server: 'h:1' })).toBe(error);
    expect(withFacts(error, { server: 'h:2' })).toBe(error);
    expect(withFacts(error, {})).toBe(error);
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
