import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const ROOTS = '{{packages,examples}/*,scripts}/test/**';
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

export default defineConfig({
  // Tests run against the sources: no build comes before them.
  ssr: { resolve: { conditions: ['@tierwise/source', 'node', 'import', 'default'] } },
  test: {
    // Real servers on two busy cores: a lease of 200 ms can lapse between two lines of a test. What needs a second try is
    // shown by the reporter, and is to be mended; without CI there is none.
    retry: process.env['CI'] === undefined ? 0 : 2,
    reporters: ['default', './scripts/vitest/count-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'plain',
          include: [`${ROOTS}/*.test.ts`],
          exclude: [NEEDS_REDIS, NEEDS_MEMCACHED, '**/node_modules/**'],
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
          provide: { otelSdk: '3' },
        },
      },
      {
        extends: true,
        test: {
          name: 'redis',
          include: [NEEDS_REDIS],
          globalSetup: './scripts/vitest/provide-redis.ts',
          testTimeout: 30_000,
          hookTimeout: 30_000,
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
          testTimeout: 30_000,
          hookTimeout: 30_000,
          provide: { otelSdk: '3' },
        },
      },
      {
        extends: true,
        test: {
          name: 'memcached',
          include: [NEEDS_MEMCACHED],
          globalSetup: './scripts/vitest/provide-memcached.ts',
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});
