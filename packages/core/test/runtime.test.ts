import { expect, onTestFinished, test } from 'vitest';
import { createCache } from '../src/cache.ts';

const OPTIONS = { name: 'shop', ttl: '5m', memory: { maxEntries: 100 } } as const;

// Symptom: on Node 20 a cache could be created, and then every load threw a TypeError.
test('an older Node is refused when a cache is created, in one sentence', () => {
  const { withResolvers } = Promise;
  onTestFinished(() => {
    Promise.withResolvers = withResolvers;
  });
  Promise.withResolvers = undefined as never;
  expect(() => createCache(OPTIONS)).toThrowError(
    expect.objectContaining({
      code: 'UNSUPPORTED_RUNTIME',
      message: `tierwise needs Node 22.18 or newer, this is ${process.version}`,
    }),
  );
});
