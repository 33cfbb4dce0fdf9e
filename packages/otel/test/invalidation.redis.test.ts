import { tracingChannel } from 'node:diagnostics_channel';
import { trace } from '@opentelemetry/api';
import { redis } from '@tierwise/redis';
import { type Cache, createCache } from 'tierwise';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { subscribed } from '../../redis/test/support/caches.ts';
import { openTelemetry } from '../src/index.ts';
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from './support/otlp-receiver.ts';
import { registerGlobally, type Sdk, startSdk, unregister } from './support/sdk.ts';
import { named, one, treeOf } from './support/traces.ts';

interface Instance {
  readonly cache: Cache;
  readonly sdk: Sdk;
}

let receiver: OtlpReceiver;
let instances: readonly Instance[];
let names = 0;

beforeEach(async () => {
  receiver = await startReceiver();
  registerGlobally();
  const name = `otel-${inject('otelSdk')}-${process.pid}-${++names}`;
  const open = async (id: string): Promise<Instance> => {
    const sdk = startSdk(receiver, id);
    const { tracerProvider, meterProvider } = sdk;
    const telemetry = openTelemetry({ tracerProvider, meterProvider });
    const remote = redis({ url: inject('redisUrl') });
    const cache = createCache({
      name,
      ttl: '5m',
      memory: { maxEntries: 100 },
      remote,
      telemetry,
      coherence: { lease: '10s' },
    });
    await cache.ready();
    return { cache, sdk };
  };
  instances = await Promise.all(['a', 'b', 'c'].map(open));
  // Who comes to hear messages late learns from a tail, which makes no span.
  await subscribed(name, 3);
});

afterEach(async () => {
  for (const { cache, sdk } of instances) {
    await cache.close();
    await sdk.shutdown();
  }
  unregister();
  await receiver[Symbol.asyncDispose]();
});

function three(): [Instance, Instance, Instance] {
  return [...instances] as [Instance, Instance, Instance];
}

/** Sends what all instances have until it is enough. */
async function received(isEnough: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]> {
  await expect
    .poll(async () => {
      await Promise.all(instances.map(({ sdk }) => sdk.flush()));
      return isEnough(receiver.spans);
    })
    .toBe(true);
  return receiver.spans;
}

async function inRequest<R>({ sdk }: Instance, name: string, call: () => Promise<R>): Promise<R> {
  return sdk.tracerProvider.getTracer('test').startActiveSpan(name, async (span) => {
    try {
      return await call();
    } finally {
      span.end();
    }
  });
}

const startingWith = (spans: readonly ReceivedSpan[], prefix: string): ReceivedSpan[] =>
  spans.filter(({ name }) => name.startsWith(prefix));

test('a cold getOrSet asks memory and Redis, loads, and stores in both', async () => {
  const [a] = three();
  await inRequest(a, 'GET /users', () => a.cache.getOrSet('k', () => 1));
  const spans = await received((all) => named(all, 'cache.layer.set').length === 2);
  expect(treeOf(spans, one(spans, 'GET /users'))).toEqual([
    'GET /users',
    '  cache.getOrSet',
    '    cache.layer.get l1 miss',
    '    cache.layer.get redis miss',
    '    cache.load',
    '    cache.layer.set redis stored',
    '    cache.layer.set l1 stored',
  ]);
});

test('an invalidation is followed to every other instance, through the message', async () => {
  const [a, b, c] = three();
  for (const { cache } of [a, b, c]) await cache.getOrSet('k', () => 'old');
  await inRequest(a, 'DELETE /users', () => a.cache.delete('k'));
  const spans = await received((all) => startingWith(all, 'process ').length >= 2);
  const tree = treeOf(spans, one(spans, 'DELETE /users'));
  const [publish, ...others] = startingWith(spans, 'publish ');
  expect(others).toEqual([]);
  expect(tree).toEqual(['DELETE /users', '  cache.delete', '    cache.invalidate', `      ${publish?.name}`]);
  expect(publish).toMatchObject({ kind: 4, instance: 'a', attributes: { 'messaging.system': 'redis' } });
  const processed = startingWith(spans, 'process ');
  expect(processed.map(({ instance }) => instance).toSorted()).toEqual(['b', 'c']);
  const link = { traceId: publish?.traceId, spanId: publish?.spanId };
  for (const span of processed) {
    expect(span).toMatchObject({ kind: 5, parentSpanId: undefined, links: [link] });
    expect(span.traceId).not.toBe(publish?.traceId);
    expect(span.name.slice('process '.length)).toBe(publish?.name.slice('publish '.length));
    expect(span.attributes).toMatchObject({
      'cache.result': 'applied',
      'cache.key.count': 1,
      'cache.seq': publish?.attributes['cache.seq'],
      'messaging.destination.name': publish?.attributes['messaging.destination.name'],
    });
  }
  expect(b.cache.peek('k')).toBe(undefined);
});

test('a set is followed too, and the log that tails read holds no trace context', async () => {
  const [a, b] = three();
  await inRequest(a, 'PUT /users', () => a.cache.set('k', 1));
  const spans = await received((all) => startingWith(all, 'process ').length >= 2);
  expect(treeOf(spans, one(spans, 'PUT /users'))).toEqual([
    'PUT /users',
    '  cache.set',
    '    cache.layer.set redis stored',
    `      ${startingWith(spans, 'publish ')[0]?.name}`,
    '    cache.layer.set l1 stored',
  ]);
  await inRequest(b, 'GET /users', () => b.cache.get('k'));
  const more = await received((all) => named(all, 'GET /users').length === 1);
  expect(treeOf(more, one(more, 'GET /users'))).toEqual([
    'GET /users',
    '  cache.get',
    '    cache.layer.get l1 miss',
    '    cache.layer.get redis hit',
  ]);
});

test('what was deleted while a request was not recorded leaves no trace anywhere', async () => {
  const [a, b] = three();
  await b.cache.getOrSet('k', () => 1);
  await a.cache.delete('k');
  await expect.poll(() => b.cache.peek('k')).toBe(undefined);
  await inRequest(a, 'last', () => a.cache.delete('l'));
  const spans = await received((all) => startingWith(all, 'process ').length >= 2);
  expect(startingWith(spans, 'process ')).toHaveLength(2);
});

test('what the driver tells of its commands is below the spans that they are made for', async () => {
  const [a] = three();
  const below: [command: string, spanId: string | undefined][] = [];
  const note = (message: unknown): void => {
    const { command } = message as { command: string };
    below.push([command.toLowerCase(), trace.getActiveSpan()?.spanContext().spanId]);
  };
  const { start } = tracingChannel('ioredis:command');
  start.subscribe(note);
  try {
    await inRequest(a, 'GET', () => a.cache.getOrSet('k', () => 1));
    await received((all) => named(all, 'cache.layer.set').length === 2);
    await inRequest(a, 'DELETE', () => a.cache.delete('k'));
  } finally {
    start.unsubscribe(note);
  }
  const spans = await received((all) => startingWith(all, 'process ').length >= 2);
  const nameOf = new Map(spans.map(({ spanId, name }) => [spanId, name.split(' ')[0]]));
  const made = below.flatMap(([command, spanId]) => (spanId === undefined ? [] : [[command, nameOf.get(spanId)]]));
  expect(made).toEqual([
    ['mget', 'cache.layer.get'],
    ['evalsha', 'cache.layer.set'],
    ['evalsha', 'publish'],
  ]);
});
