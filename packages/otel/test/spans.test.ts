import { setImmediate } from 'node:timers/promises';
import { context, metrics, type Span, trace } from '@opentelemetry/api';
import { type Cache, inProcess } from 'tierwise';
import { describe, expect, inject, test } from 'vitest';
import { instrumentTierwise, type OpenTelemetryOptions, openTelemetry } from '../src/index.ts';
import { registerGlobally, startSdk } from './support/sdk.ts';
import { serviceOfEachTest } from './support/service.ts';
import { named, one, treeOf } from './support/traces.ts';
import { withTails } from './support/with-tails.ts';

const service = serviceOfEachTest();

async function openRecorded(options?: OpenTelemetryOptions): Promise<Cache> {
  registerGlobally(service.sdk);
  const cache = service.open({ telemetry: openTelemetry(options) });
  await cache.ready();
  return cache;
}

/** Runs a call inside a span of the service, as a request would. */
async function inRequest<R>(call: (span: Span) => Promise<R>, provider = service.sdk.tracerProvider): Promise<R> {
  return provider.getTracer('test').startActiveSpan('request', async (span) => {
    try {
      return await call(span);
    } finally {
      span.end();
    }
  });
}

/** Everything sent so far, when what is done in the background has been; in one process that takes no time. */
async function received() {
  await setImmediate();
  await setImmediate();
  await service.sdk.flush();
  return service.receiver.spans;
}

test('runs on the SDK that this run is about', async () => {
  const cache = await openRecorded();
  await inRequest(() => cache.get('k'));
  const [span] = await received();
  expect(span?.sdkVersion.split('.')[0]).toBe(inject('otelSdk'));
});

describe('a cold getOrSet, as received', () => {
  test('is below the span of the request, with one span for every layer asked, load and store', async () => {
    const cache = await openRecorded();
    await inRequest(() => cache.getOrSet('user:7', () => 1));
    const spans = await received();
    expect(treeOf(spans, one(spans, 'request'))).toEqual([
      'request',
      '  cache.getOrSet',
      '    cache.layer.get l1 miss',
      '    cache.layer.get in-process miss',
      '    cache.load',
      '    cache.layer.set in-process stored',
      '    cache.layer.set l1 stored',
    ]);
    expect(one(spans, 'cache.getOrSet').attributes).toEqual({ 'cache.name': 'shop', 'cache.hit': false });
    const ours = spans.filter(({ name }) => name !== 'request');
    expect(new Set(ours.map(({ scope }) => scope))).toEqual(new Set(['@tierwise/otel']));
    expect(JSON.stringify(spans)).not.toContain('user:7');
  });

  test('has the spans of its loader below cache.load', async () => {
    const cache = await openRecorded();
    await inRequest(() =>
      cache.getOrSet('k', async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return service.sdk.tracerProvider.getTracer('db').startActiveSpan('SELECT', (span) => {
          span.end();
          return 1;
        });
      }),
    );
    const spans = await received();
    expect(one(spans, 'SELECT').parentSpanId).toBe(one(spans, 'cache.load').spanId);
  });

  test('tells what its loader threw once, and marks all spans that fail with it', async () => {
    const cache = await openRecorded();
    const fault = new TypeError('no database');
    const call = inRequest(() => cache.getOrSet('k', () => Promise.reject(fault)));
    await expect(call).rejects.toBe(fault);
    const spans = await received();
    for (const name of ['cache.load', 'cache.getOrSet']) {
      const { status, attributes } = one(spans, name);
      expect([status, attributes['error.type']]).toEqual([2, 'TypeError']);
    }
    expect(spans.flatMap(({ events }) => events)).toEqual(['exception']);
  });
});

describe('keys', () => {
  test.each([
    ['off', undefined],
    ['full', 'user:7'],
    // The first digits of: printf user:7 | sha256sum
    ['hash', '20bdc7ae7082d21e'],
  ] as const)('recorded %s', async (recordKeys, expected) => {
    const cache = await openRecorded({ recordKeys });
    await inRequest(() => cache.get('user:7'));
    const spans = await received();
    expect(one(spans, 'cache.get').attributes['cache.key']).toBe(expected);
    const layers = named(spans, 'cache.layer.get').map(({ attributes }) => attributes);
    expect(layers.map((layer) => [layer['cache.layer'], layer['cache.key']])).toEqual([
      ['l1', expected],
      ['in-process', expected],
    ]);
    if (recordKeys !== 'full') expect(JSON.stringify(service.receiver.spans)).not.toContain('user:7');
  });
});

describe('many at once', () => {
  test('a thousand calls for one key, each in its own request: one load, and waiters linked to it', async () => {
    const cache = await openRecorded();
    const loading = Promise.withResolvers<void>();
    const { promise: loaded, resolve: finish } = Promise.withResolvers<number>();
    const load = (): Promise<number> => {
      loading.resolve();
      return loaded;
    };
    const half = () => Array.from({ length: 500 }, () => inRequest(() => cache.getOrSet('k', load)));
    const early = half();
    await loading.promise;
    const late = half();
    finish(1);
    await Promise.all([...early, ...late]);
    const spans = await received();
    const parentOf = new Map(spans.map((span) => [span.spanId, span]));
    const { traceId, spanId, parentSpanId } = one(spans, 'cache.load');
    const waits = named(spans, 'cache.load.wait');
    expect(waits).toHaveLength(999);
    for (const wait of waits) expect(wait.links).toEqual([{ traceId, spanId }]);
    const operations = named(spans, 'cache.getOrSet');
    expect(operations.map(({ attributes }) => attributes['cache.hit'])).toEqual(Array(1_000).fill(false));
    expect(new Set([parentSpanId, ...waits.map((wait) => wait.parentSpanId)]).size).toBe(1_000);
    for (const span of [...waits, ...named(spans, 'cache.layer.get')]) {
      const above = parentOf.get(span.parentSpanId ?? '');
      expect([above?.name, above?.traceId]).toEqual(['cache.getOrSet', span.traceId]);
    }
    expect(new Set(operations.map((operation) => operation.traceId)).size).toBe(1_000);
  });

  test('a thousand calls for a thousand keys: every span in the trace of its own request', async () => {
    const cache = await openRecorded({ recordKeys: 'full' });
    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        inRequest((request) =>
          cache.getOrSet(`k${index}`, async () => {
            await new Promise((resolve) => setTimeout(resolve, index % 3));
            return request.spanContext().traceId;
          }),
        ),
      ),
    );
    const spans = await received();
    const byTrace = Map.groupBy(spans, ({ traceId }) => traceId);
    expect(byTrace.size).toBe(1_000 + named(spans, 'cache.resync').length);
    for (const root of named(spans, 'request')) {
      const own = byTrace.get(root.traceId) ?? [];
      expect(own).toHaveLength(7);
      expect(new Set(own.flatMap(({ attributes }) => attributes['cache.key'] ?? [])).size).toBe(1);
    }
    const traceIds = await cache.getMany(Array.from({ length: 1_000 }, (_, index) => `k${index}`));
    expect(new Set(traceIds).size).toBe(1_000);
  });
});

describe('contexts', () => {
  test('are those of the caller again when a call has answered', async () => {
    const cache = await openRecorded();
    await inRequest(async (span) => {
      await cache.getOrSet('k', () => 1);
      expect(trace.getActiveSpan()).toBe(span);
      await cache.mutate({ keys: ['k'] }, () => {});
      expect(trace.getActiveSpan()).toBe(span);
    });
    expect(trace.getActiveSpan()).toBe(undefined);
  });

  test('of messages and listeners are not those of a request that created the cache or needed its proof', async () => {
    registerGlobally(service.sdk);
    const inner = inProcess();
    let isAway = false;
    const remote = withTails(inner, (tail) => (isAway ? Promise.reject(new Error('away')) : tail()));
    const heard: [event: string, active: Span | undefined][] = [];
    const cache = await inRequest(async () => {
      const created = service.open({ remote, telemetry: openTelemetry(), coherence: { lease: '100ms' } });
      for (const event of ['resync', 'suspect', 'coherent'] as const) {
        created.on(event, () => heard.push([event, trace.getActiveSpan()]));
      }
      await created.ready();
      return created;
    });
    isAway = true;
    await expect.poll(() => heard.at(-1)?.[0]).toBe('suspect');
    const before = heard.length;
    await inRequest(() => {
      isAway = false;
      // Memory has nothing and the proof is over, so the read asks for a tail.
      return cache.get('k');
    });
    expect(heard.slice(0, before)).toContainEqual(['resync', undefined]);
    expect(heard.slice(before)).toContainEqual(['coherent', undefined]);
    expect(heard.filter(([, active]) => active !== undefined)).toEqual([]);
    const resyncs = named(await received(), 'cache.resync');
    expect(resyncs.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined]);
  });
});

describe('nothing is recorded', () => {
  test('outside a trace', async () => {
    const cache = await openRecorded();
    await cache.getOrSet('k', () => 1);
    await cache.delete('k');
    expect((await received()).map(({ name }) => name)).toEqual(['cache.resync']);
  });

  test('below a request that was not sampled, not even an own span that is thrown away', async () => {
    const off = startSdk(service.receiver, 'off', 'off');
    registerGlobally(off);
    const begun: string[] = [];
    const { tracerProvider } = off;
    const cache = service.open({
      telemetry: openTelemetry({
        tracerProvider: {
          getTracer: (...scope) => {
            const tracer = tracerProvider.getTracer(...scope);
            return {
              startSpan: (name, ...rest) => {
                begun.push(name);
                return tracer.startSpan(name, ...rest);
              },
              startActiveSpan: tracer.startActiveSpan.bind(tracer),
            };
          },
        },
      }),
    });
    await cache.ready();
    begun.length = 0;
    await inRequest(async () => {
      await cache.getOrSet('k', () => 1);
      await cache.getOrSet('k', () => 1);
      await cache.delete('k');
    }, tracerProvider);
    await off.flush();
    await off.shutdown();
    expect(begun).toEqual([]);
    expect(service.receiver.spans).toEqual([]);
  });

  test('without an SDK', async () => {
    const cache = service.open({ telemetry: openTelemetry({ rootSpans: true }) });
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
    expect(await cache.delete('k')).toEqual({ delivered: true });
    expect(cache.stats().telemetryErrors).toBe(0);
    expect(metrics.getMeterProvider().getMeter('x')).toBeDefined();
    expect(context.active().getValue(Symbol.for('none'))).toBe(undefined);
  });
});

test('with rootSpans a call outside a trace begins one, and so the sampler decides', async () => {
  const cache = await openRecorded({ rootSpans: true });
  await cache.get('k');
  const spans = await received();
  expect(treeOf(spans, one(spans, 'cache.get'))).toEqual([
    'cache.get',
    '  cache.layer.get l1 miss',
    '  cache.layer.get in-process miss',
  ]);
});

describe('instrumentTierwise', () => {
  test('records caches that were there before and those created after, until it is stopped', async () => {
    const before = service.open({ name: 'before' });
    const stop = instrumentTierwise();
    const after = service.open({ name: 'after' });
    await Promise.all([before.ready(), after.ready()]);
    // The SDK may come last of all: it is met with any command of the shared layer, and a tail every third of Δ is one.
    registerGlobally(service.sdk);
    await Promise.all([before.get('other'), after.get('other')]);
    await inRequest(() => Promise.all([before.get('k'), after.get('k')]));
    const names = (): unknown[] =>
      named(service.receiver.spans, 'cache.get').map(({ attributes }) => attributes['cache.name']);
    await received();
    expect(names().toSorted()).toEqual(['after', 'before']);
    stop();
    await inRequest(() => Promise.all([before.get('k'), after.get('k')]));
    await received();
    expect(names()).toHaveLength(2);
  });

  test('leaves a cache alone that has telemetry of its own', async () => {
    registerGlobally(service.sdk);
    const stop = instrumentTierwise({ recordKeys: 'full' });
    try {
      const cache = service.open({ telemetry: openTelemetry() });
      await inRequest(() => cache.get('k'));
      expect(one(await received(), 'cache.get').attributes).not.toHaveProperty('cache.key');
    } finally {
      stop();
    }
  });

  test('replaces what was there, and only what is in force can be stopped', async () => {
    registerGlobally(service.sdk);
    const stopFirst = instrumentTierwise();
    const stopSecond = instrumentTierwise({ recordKeys: 'full' });
    stopFirst();
    const cache = service.open();
    await inRequest(() => cache.get('k'));
    expect(one(await received(), 'cache.get').attributes['cache.key']).toBe('k');
    stopSecond();
  });
});

test.each([
  [{ recordKeys: 'some' }, /recordKeys/],
  [{ rootSpans: 1 }, /rootSpans/],
  [{ tracerProvider: {} }, /tracerProvider/],
  [{ meterProvider: 7 }, /meterProvider/],
  [{ sampler: 1 }, /sampler/],
])('refuses %o', (options, message) => {
  expect(() => openTelemetry(options as never)).toThrow(message);
});
