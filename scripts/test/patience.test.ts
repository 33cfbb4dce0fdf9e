import { expect, test } from 'vitest';
import config from '../../vitest.config.ts';

// Symptom: what was waited for in vain was not named, since the test itself had run out of time before.
test('a poll gives up before its test does', () => {
  const { expect: limits, projects = [] } = config.test ?? {};
  const pollMs = limits?.poll?.timeout;
  const testMs = projects.map((project) => (project as { test?: { testTimeout?: number } }).test?.testTimeout);
  expect(testMs.length).toBeGreaterThan(0);
  for (const ms of testMs) expect(ms).toBeGreaterThan(pollMs as number);
});
