import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../src/telemetry/latency.ts';
import { RoundTrips } from '../src/telemetry/round-trips.ts';
import { settled } from './support/fake-clock.ts';
import { LEASE_MS, openInstance, openInstances } from './support/instances.ts';
import { Recording } from './support/recording.ts';

describe('a latency histogram', () => {
  test('is empty at first', () => {
    expect(new LatencyHistogram().read()).toEqual({ count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, maxMs: 0 });
  });

  test('tells percentiles within a tenth, and the largest value exactly', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.record(ms);
    const { count, p50Ms, p95Ms, p99Ms, maxMs } = histogram.read();
    expect([count, maxMs]).toEqual([1_000, 1_000]);
    for (const [told, exact] of [
      [p50Ms, 500],
      [p95Ms, 950],
      [p99Ms, 990],
    ] as const) {
      expect(Math.abs(told - exact) / exact).toBeLessThan(0.1);
    }
  });

  test('takes what is shorter and longer than all of its buckets', () => {
    const histogram = new LatencyHistogram();
    histogram.record(0);
    histogram.record(1e9);
    expect(histogram.read()).toMatchObject({ count: 2, maxMs: 1e9 });
    expect(histogram.read().p50Ms).toBeLessThan(0.05);
    expect(histogram.read().p99Ms).toBeGreaterThan(100_000);
  });
});

describe('round trips', () => {
  test.each(['reply first', 'message first'])('are measured from the sending, %s', (order) => {
    const trips = new RoundTrips();
    const reply = (): number | undefined => trips.onReply('e', 7, 100);
    const message = (): number | undefined => trips.onMessage('e', 7, 130);
    const took = order === 'reply first' ? [reply(), message()] : [message(), reply()];
    expect(took).toEqual([undefined, 30]);
    expect(trips.onMessage('e', 7, 140)).toBe(undefined);
  });

  test('are not measured for events of others, of another epoch, or long forgotten', () => {
    const trips = new RoundTrips();
    expect(trips.onMessage('e', 1, 0)).toBe(undefined);
    trips.onReply('e', 2, 0);
    expect(trips.onMessage('f', 2, 1)).toBe(undefined);
    trips.onReply('e', 3, 0);
    trips.onReply('e', 3 + 256, 0);
    expect(trips.onMessage('e', 3, 1)).toBe(undefined);
  });
});

describe('statistics', () => {
  test('hold latencies of the shared layer, of loads and of the bus', async () => {
    const telemetry = new Recording();
    const { cache, clock, remote } = await openInstance({ telemetry });
    telemetry.clear();
    remote.read.hold();
    const reading = cache.getOrSet('k', async () => {
      await clock.advance(20);
      return 1;
    });
    await clock.advance(10);
    remote.read.pass();
    remote.read.release();
    await reading;
    await settled();
    remote.isBusHeld = true;
    await cache.delete('k');
    await clock.advance(40);
    remote.deliver();
    const { remote: shared, loads, invalidations } = cache.stats();
    expect(shared.latency.read).toMatchObject({ count: 1, maxMs: 10 });
    expect(shared.latency.fill.count).toBe(1);
    expect(shared.latency.invalidate.count).toBe(1);
    expect(loads.latency).toMatchObject({ count: 1, maxMs: 20 });
    expect(invalidations.propagation).toMatchObject({ count: 1, maxMs: 40 });
    expect(telemetry.measures).toContainEqual({
      name: 'tierwise.propagation.duration',
      value: 0.04,
      attributes: { 'cache.name': 'test' },
    });
  });

  test('measure the way of own messages only', async () => {
    const [a, b] = await openInstances(2);
    await a.cache.delete('k');
    await settled();
    expect(a.cache.stats().invalidations.propagation.count).toBe(1);
    expect(b.cache.stats().invalidations).toMatchObject({ received: 1, propagation: { count: 0 } });
  });
});

describe('the bound of staleness', () => {
  test('is Δ, and grows while an own invalidation waits', async () => {
    const { cache, clock, remote } = await openInstance();
    expect(cache.health().stalenessBoundMs).toBe(LEASE_MS);
    remote.disconnect();
    await clock.advance(10_000);
    expect(cache.health().stalenessBoundMs).toBe(LEASE_MS);
    await cache.delete('k');
    await clock.advance(3_000);
    await cache.delete('l');
    await clock.advance(1_000);
    expect(cache.health().stalenessBoundMs).toBe(LEASE_MS + 4_000);
    const delivered: number[] = [];
    cache.on('delivered', ({ journaled }) => delivered.push(journaled));
    remote.connect();
    await clock.advance(100);
    expect(cache.health().stalenessBoundMs).toBe(LEASE_MS);
    expect(delivered).toEqual([0]);
  });
});
