import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const ROOTS = '{{packages,examples}/*,benchmarks,scripts}/test/**';
const NEEDS_REDIS = `${ROOTS}/*.redis.test.ts`;
const OF_OTEL = 'packages/otel/test/**';
/** The tests of `@tierwise/otel` run twice: on the API and SDK of this workspace, and on the next major version of the SDK. */
const ON_SDK_3 = {
  resolve: {
    alias: [
      {
        find: /^@opentelemetry\/(.*)$/,
        replacement: fileURLToPath(new URL('scripts/otel-sdk-3/node_modules/@opentelemetry/$1', import.meta.url)),
      },
    ],
  },
};
const NEEDS_MEMCACHED = `${ROOTS}/*.memcached.test.ts`;

/** No test asserts how long something takes, so a busy machine only has to be waited for. */
const PATIENCE_MS = 60_000;

export default defineConfig({
  // Tests run against the sources: no build comes before them.
  ssr: { resolve: { conditions: ['@tierwise/source', 'node', 'import', 'default'] } },
  test: {
    // Tests of real servers mostly wait; by itself a machine of two cores would run one file at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What is waited for comes: the limit is only there to end a run that would wait for ever.
    expect: { poll: { timeout: PATIENCE_MS, interval: 10 } },
    reporters: ['default', './scripts/vitest/count-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'plain',
          include: [`${ROOTS}/*.test.ts`],
          exclude: [NEEDS_REDIS, NEEDS_MEMCACHED, '**/node_modules/**'],
          testTimeout: 2 * PATIENCE_MS,
          provide: { otelSdk: '2' },
        },
      },
      {
        extends: true,
        ...ON_SDK_3,
        test: {
          name: 'plain on OpenTelemetry SDK 3',
          include: [`${OF_OTEL}/*.test.ts`],
          exclude: [NEEDS_REDIS, '**/node_modules/**'],
          testTimeout: 2 * PATIENCE_MS,
          provide: { otelSdk: '3' },
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: [NEEDS_REDIS],
          globalSetup: './scripts/vitest/provide-redis.ts',
          testTimeout: 2 * PATIENCE_MS,
          hookTimeout: 2 * PATIENCE_MS,
          provide: { otelSdk: '2' },
        },
      },
      {
        extends: true,
        ...ON_SDK_3,
        test: {
          name: 'redis on OpenTelemetry SDK 3',
          include: [`${OF_OTEL}/*.redis.test.ts`],
          globalSetup: './scripts/vitest/provide-redis.ts',
          testTimeout: 2 * PATIENCE_MS,
          hookTimeout: 2 * PATIENCE_MS,
          provide: { otelSdk: '3' },
        },
      },
      {
        extends: true,
        test: {
          name: 'memcached',
          include: [NEEDS_MEMCACHED],
          globalSetup: './scripts/vitest/provide-memcached.ts',
          testTimeout: 2 * PATIENCE_MS,
          hookTimeout: 2 * PATIENCE_MS,
        },
      },
    ],
  },
});
