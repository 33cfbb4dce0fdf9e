import { expect } from 'vitest';
import type { Summary } from '../src/demo/summary.ts';

/** Checks that the figures of a short run fit together; says nothing about how fast it was. */
export function expectSaneSummary(summary: Summary): void {
  const { requests, responseTimes, hitRatio, databaseQueries, staleness, instances, changes } = summary;
  expect(summary.seconds).toBeGreaterThanOrEqual(3);
  expect(requests.failed).toBe(0);
  expect(requests.cached).toBeGreaterThan(0);
  expect(requests.bypassed).toBeGreaterThan(0);
  expect(requests.total).toBe(requests.cached + requests.bypassed);
  expect(responseTimes.withCache.requests).toBe(requests.cached);
  expect(responseTimes.withoutCache.requests).toBe(requests.bypassed);
  expect(hitRatio.memory).toBeGreaterThan(0);
  expect(hitRatio.shared).toBeGreaterThan(0);
  expect(hitRatio.overall).toBeCloseTo(hitRatio.memory + hitRatio.shared, 3);
  expect(hitRatio.overall).toBeLessThan(1);
  expect(databaseQueries.withCache).toBeGreaterThan(0);
  expect(databaseQueries.saved).toBe(databaseQueries.withoutCache - databaseQueries.withCache);
  expect(changes.product).toBeGreaterThan(0);
  expect(changes.undelivered).toBe(0);
  expect(summary.invalidations.sent).toBeGreaterThan(0);
  expect(summary.invalidations.received).toBeGreaterThan(0);
  expect(staleness.oldestMs).toBeLessThanOrEqual(staleness.boundMs);
  expect(instances.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
}
