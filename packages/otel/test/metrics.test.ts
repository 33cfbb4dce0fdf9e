import type { MeterProvider } from '@opentelemetry/api';
import { type Cache, CacheError, type CacheOptions, inProcess, type PlainLayer } from 'tierwise';
import { DURATIONS, FIGURES } from 'tierwise/telemetry';
import { describe, expect, test } from 'vitest';
import { type Row, readDocument, tableOf } from '../../../scripts/test/markdown.ts';
import { instrumentTierwise, openTelemetry } from '../src/index.ts';
import { SCOPE } from '../src/scope.ts';
import type { ReceivedPoint } from './support/otlp-receiver.ts';
import { registerGlobally } from './support/sdk.ts';
import { serviceOfEachTest } from './support/service.ts';

const service = serviceOfEachTest();

async function open(options: Partial<CacheOptions> = {}): Promise<Cache> {
  const telemetry = openTelemetry({ meterProvider: service.sdk.meterProvider });
  const cache = service.open({ memory: { maxEntries: 2 }, telemetry, ...options });
  await cache.ready();
  return cache;
}

async function received(): Promise<readonly ReceivedPoint[]> {
  await service.sdk.flush();
  return service.receiver.points;
}

/** The value of one series, by its attributes beside the name of the cache. */
function seriesOf(points: readonly ReceivedPoint[], metric: string, attributes: object = {}, name = 'shop'): unknown {
  const wanted = { 'cache.name': name, ...attributes };
  const all = points.filter((point) => point.metric === metric);
  const found = all.filter((point) => Object.entries(wanted).every(([key, value]) => point.attributes[key] === value));
  expect(found.length, `${metric} ${JSON.stringify(attributes)}`).toBeLessThanOrEqual(1);
  return found[0]?.value;
}

test('what a cache did arrives as it is in stats()', async () => {
  const cache = await open();
  await cache.getOrSet('a', () => 1);
  await cache.get('a');
  await cache.get('none');
  await Promise.all([cache.getOrSet('b', async () => 2), cache.getOrSet('b', async () => 2)]);
  await cache.getOrSet('c', () => 3);
  await cache.getOrSet('d', () => Promise.reject(new Error('no'))).catch(() => {});
  await cache.delete('a');
  const { memory, remote, loads, invalidations } = cache.stats();
  expect([memory.hits, loads.started, loads.failed, loads.shared, memory.evictions]).toEqual([1, 4, 1, 1, 1]);
  const points = await received();
  const l1 = (result: string): unknown =>
    seriesOf(points, FIGURES.requests, { 'cache.layer': 'l1', 'cache.result': result });
  expect(l1('hit')).toBe(memory.hits);
  expect(l1('miss')).toBe(memory.misses);
  const shared = { 'cache.layer': 'in-process', 'cache.result': 'miss' };
  expect(seriesOf(points, FIGURES.requests, shared)).toBe(remote.misses);
  expect(seriesOf(points, FIGURES.loads, { 'cache.result': 'loaded' })).toBe(3);
  expect(seriesOf(points, FIGURES.loads, { 'cache.result': 'failed' })).toBe(1);
  expect(seriesOf(points, FIGURES.loadsShared)).toBe(1);
  expect(seriesOf(points, FIGURES.loadsRunning)).toBe(0);
  expect(seriesOf(points, FIGURES.memoryEntries)).toBe(memory.entries);
  expect(seriesOf(points, FIGURES.memoryEvictions, { 'cache.reason': 'evicted' })).toBe(1);
  expect(seriesOf(points, FIGURES.fills, { 'cache.result': 'stored' })).toBe(remote.fills);
  expect(seriesOf(points, FIGURES.invalidationsSent)).toBe(invalidations.sent);
  expect(seriesOf(points, FIGURES.state, { 'cache.state': 'coherent' })).toBe(1);
  expect(seriesOf(points, FIGURES.state, { 'cache.state': 'offline' })).toBe(0);
  expect(seriesOf(points, FIGURES.state, { 'cache.state': 'closed' })).toBe(0);
  expect(seriesOf(points, FIGURES.stalenessBound)).toBe(2);
  expect(seriesOf(points, FIGURES.proofAge)).toBeLessThan(2);
  // Failed loads are series of their own, which the first match would not tell apart.
  const durations = points.filter(({ metric }) => metric === DURATIONS.load);
  expect(durations.map(({ attributes, value }) => [attributes['error.type'], value])).toEqual([
    [undefined, 3],
    ['other', 1],
  ]);
  expect(seriesOf(points, DURATIONS.store, { 'cache.operation': 'invalidate' })).toBe(1);
});

/** A layer without scripts that keeps what it gets, unless it is away. */
function plainLayer(isAway = false): PlainLayer {
  const items = new Map<string, Uint8Array>();
  const away = new CacheError('REMOTE_UNAVAILABLE', 'away');
  return {
    name: 'memcached',
    connect: ({ onError }) => {
      if (isAway) onError(away);
      return {
        limits: { maxBatch: 100, maxValueBytes: 5_000, parts: 1 },
        partOf: () => 0,
        read: async (names) => names.map((name) => (isAway ? away : items.get(name))),
        write: async (writes) => {
          for (const { name, bytes } of isAway ? [] : writes) items.set(name, bytes);
          return writes.map(() => (isAway ? away : undefined));
        },
        close: async () => {},
      };
    },
  };
}

test('two layers of one kind are series of their own, each with all that is counted of it', async () => {
  const cache = await open({
    stores: { authority: inProcess(), near: plainLayer(true), far: plainLayer() },
    layers: ['memory', 'near', 'far'],
    memory: { maxEntries: 1 },
  });
  for (let i = 0; i < 10; i++) await cache.getOrSet(`k${i}`, () => i);
  await cache.getOrSet('large', () => 'x'.repeat(6_000));
  await expect.poll(() => cache.get('k0')).toBe(0);
  await expect.poll(() => cache.stats().layers['far']?.oversized).toBe(1);
  const { near, far, authority } = cache.stats().layers;
  const points = await received();
  const of = (store: string, metric: string, result?: string): unknown =>
    seriesOf(points, metric, {
      'cache.layer': 'memcached',
      'cache.store': store,
      ...(result !== undefined && { 'cache.result': result }),
    });
  expect([of('near', FIGURES.requests, 'hit'), of('far', FIGURES.requests, 'hit')]).toEqual([0, far?.hits]);
  expect(far?.hits).toBeGreaterThan(0);
  expect([of('near', FIGURES.requests, 'error'), of('far', FIGURES.requests, 'error')]).toEqual([near?.errors, 0]);
  expect([of('near', FIGURES.storeSkipped), of('far', FIGURES.storeSkipped)]).toEqual([near?.skipped, 0]);
  expect(near?.skipped).toBeGreaterThan(0);
  expect([of('near', FIGURES.storeOversized), of('far', FIGURES.storeOversized)]).toEqual([near?.oversized, 1]);
  expect([of('near', FIGURES.connectionErrors), of('far', FIGURES.connectionErrors)]).toEqual([1, 0]);
  expect([of('near', FIGURES.storeErrors), of('far', FIGURES.storeErrors)]).toEqual([0, 0]);
  const durations = points.filter(({ metric }) => metric === DURATIONS.store);
  const reads = durations.filter(({ attributes }) => attributes['cache.operation'] === 'read');
  expect(reads.map(({ attributes }) => attributes['cache.store']).toSorted()).toEqual(['far', 'near']);
  const events = durations.filter(({ attributes }) => attributes['cache.operation'] === 'tail');
  expect(events.map(({ attributes }) => attributes['cache.store'])).toEqual(['authority']);
  expect([near?.stored, far?.stored, authority?.stored]).toEqual([0, 10, 0]);
});

test('every metric has the name, instrument and unit of the document, and no attribute that grows', async () => {
  const cache = await open();
  for (let i = 0; i < 50; i++) await cache.getOrSet(`secret-${i}`, () => i, { tags: [`secret-tag-${i}`] });
  await cache.delete('secret-1');
  await cache.invalidateTags(['secret-tag-2']);
  await cache.getOrSet('secret-bad', () => Promise.reject(new Error('secret'))).catch(() => {});
  const points = await received();
  const document = readDocument('docs/reference/telemetry.md');
  const rows: Row[] = [
    ...tableOf(document, 'Figures'),
    ...tableOf(document, 'Metrics').map((row) => ({ ...row, instrument: 'histogram' })),
  ];
  const expected = rows.map((row): string[] => [
    row['metric'] ?? '',
    (row['instrument'] ?? '').replace('up-down c', 'upDownC'),
    row['unit'] ?? '',
  ]);
  const told = new Map(points.map(({ metric, kind, unit }) => [metric, [metric, kind, unit]]));
  expect([...told.values()].toSorted()).toEqual(expected.toSorted());
  const listed = new Map(rows.map((row) => [row['metric'], row['attributes'] ?? '']));
  for (const { metric, attributes } of points) {
    for (const name of Object.keys(attributes)) {
      if (name !== 'cache.name') expect(listed.get(metric)).toContain(`\`${name}\``.replaceAll('`', ''));
    }
  }
  expect(JSON.stringify(points)).not.toContain('secret');
  const before = points.length;
  for (let i = 0; i < 500; i++) await cache.getOrSet(`more-${i}`, () => i);
  expect((await received()).length).toBe(before);
});

describe('caches of one name', () => {
  test('are one series: counts add up and stay when one is closed', async () => {
    const remote = inProcess();
    const telemetry = openTelemetry({ meterProvider: service.sdk.meterProvider });
    const a = await open({ remote, telemetry });
    const b = await open({ remote, telemetry });
    await a.get('k');
    await b.get('k');
    const misses = async (): Promise<unknown> =>
      seriesOf(await received(), FIGURES.requests, { 'cache.layer': 'l1', 'cache.result': 'miss' });
    expect(await misses()).toBe(2);
    await a.close();
    expect(await misses()).toBe(2);
    await b.get('k');
    expect(await misses()).toBe(3);
  });

  // Symptom: the counts of the cache that was closed were gone, or exported in turns with those of the new one.
  test('are one series also where each has telemetry of its own, one after the other', async () => {
    const misses = async (): Promise<unknown> =>
      seriesOf(await received(), FIGURES.requests, { 'cache.layer': 'l1', 'cache.result': 'miss' });
    for (let made = 0; made < 3; made++) {
      const cache = await open();
      await cache.get('k');
      expect(await misses()).toBe(made + 1);
      await cache.close();
      expect(await misses()).toBe(made + 1);
    }
  });

  test('have one callback at their provider, however many were opened and closed', async () => {
    let callbacks = 0;
    const meterProvider: MeterProvider = {
      getMeter(...scope) {
        const meter = service.sdk.meterProvider.getMeter(...scope);
        const add = meter.addBatchObservableCallback.bind(meter);
        meter.addBatchObservableCallback = (...args) => {
          callbacks++;
          add(...args);
        };
        return meter;
      },
    };
    for (let made = 0; made < 3; made++) {
      const cache = await open({ telemetry: openTelemetry({ meterProvider }) });
      await cache.close();
    }
    expect(callbacks).toBe(1);
  });

  test('are told apart by their names', async () => {
    const telemetry = openTelemetry({ meterProvider: service.sdk.meterProvider });
    const a = await open({ telemetry });
    await open({ telemetry, name: 'other' });
    await a.get('k');
    const points = await received();
    const miss = { 'cache.layer': 'l1', 'cache.result': 'miss' };
    expect(seriesOf(points, FIGURES.requests, miss)).toBe(1);
    expect(seriesOf(points, FIGURES.requests, miss, 'other')).toBe(0);
  });
});

describe('a global provider', () => {
  test('that is registered after the caches is met by itself', async () => {
    const stop = instrumentTierwise();
    try {
      const cache = await open({ telemetry: undefined as never });
      await cache.get('k');
      registerGlobally(service.sdk);
      // Any command of the shared layer; a tail every third of Δ is one.
      await cache.get('l');
      expect(seriesOf(await received(), FIGURES.requests, { 'cache.layer': 'l1', 'cache.result': 'miss' })).toBe(2);
    } finally {
      stop();
    }
  });

  // Symptom: counts went down and came back, since those of the instrumentation before went on being exported as well.
  test('counts what a cache did once when it is called again', async () => {
    registerGlobally(service.sdk);
    instrumentTierwise();
    const cache = await open({ telemetry: undefined as never });
    await cache.get('k');
    const stop = instrumentTierwise({ recordKeys: 'hash' });
    try {
      for (let misses = 2; misses < 5; misses++) {
        await cache.get('k');
        const points = await received();
        expect(seriesOf(points, FIGURES.requests, { 'cache.layer': 'l1', 'cache.result': 'miss' })).toBe(misses);
      }
    } finally {
      stop();
    }
  });

  test('hears no more of caches once the instrumentation is stopped', async () => {
    registerGlobally(service.sdk);
    const stop = instrumentTierwise();
    const cache = await open({ telemetry: undefined as never });
    await cache.get('k');
    stop();
    await cache.get('l');
    const points = await received();
    expect(seriesOf(points, FIGURES.requests, { 'cache.layer': 'l1', 'cache.result': 'miss' })).toBe(1);
    expect(seriesOf(points, FIGURES.memoryEntries)).toBe(undefined);
  });
});

test('the version told is that of the package', () => {
  expect(SCOPE).toEqual(pick(JSON.parse(readDocument('packages/otel/package.json')) as Record<string, unknown>));
});

function pick({ name, version }: Readonly<Record<string, unknown>>): object {
  return { name, version };
}
