import { expect } from 'vitest';
import type { Summary } from '../src/demo/summary.ts';
import type { OtlpReceiver, ReceivedSpan } from './otlp-receiver.ts';

const CLIENT = 3;
const SERVER = 2;
const PRODUCER = 4;
const CONSUMER = 5;

function idOf(url: string): string {
  return new URL(url).pathname.replace('/trace/', '');
}

function childrenOf(span: ReceivedSpan, all: readonly ReceivedSpan[]): ReceivedSpan[] {
  return all.filter(({ parentSpanId }) => parentSpanId === span.spanId);
}

/** Checks that the traces which the demo shows have arrived whole, and show what they are shown for. */
export function expectTourReceived(receiver: OtlpReceiver, { traces }: Summary, sharedLayer: string): void {
  expect(traces).toBeDefined();
  if (traces === undefined) return;
  expectColdRead(receiver.ofTrace(idOf(traces.coldRead)), sharedLayer);

  const change = receiver.ofTrace(idOf(traces.change));
  const published = change.filter(({ kind }) => kind === PRODUCER);
  expect(published).toHaveLength(1);
  expect(change.some(({ name }) => name === 'cache.invalidate')).toBe(true);

  expect(traces.heard.map(({ instance }) => instance)).toEqual(['b', 'c']);
  for (const { instance, url } of traces.heard) {
    const [processed] = receiver.ofTrace(idOf(url));
    expect(processed).toMatchObject({
      kind: CONSUMER,
      parentSpanId: '',
      resource: { 'service.name': 'catalog', 'service.instance.id': instance },
      attributes: { 'cache.seq': published[0]?.attributes['cache.seq'] },
    });
    expect(processed?.linkedTraceIds).toContain(idOf(traces.change));
  }
}

function expectColdRead(spans: readonly ReceivedSpan[], sharedLayer: string): void {
  const roots = spans.filter(({ parentSpanId }) => parentSpanId === '');
  expect(roots).toMatchObject([{ kind: CLIENT, resource: { 'service.name': 'catalog-visitor' } }]);
  const [request] = childrenOf(roots[0] as ReceivedSpan, spans);
  expect(request).toMatchObject({
    name: 'GET /categories/:id/statistics',
    kind: SERVER,
    resource: { 'service.name': 'catalog', 'service.instance.id': 'a' },
  });
  const reads = childrenOf(request as ReceivedSpan, spans);
  expect(reads.map(({ name }) => name)).toEqual(['cache.getOrSet', 'cache.getOrSet']);
  for (const read of reads) {
    const steps = childrenOf(read, spans).map(({ name, attributes }) =>
      [name, attributes['cache.layer'], attributes['cache.result']].filter(Boolean).join(' '),
    );
    expect(steps.sort()).toEqual(
      [
        `cache.layer.get ${sharedLayer} miss`,
        'cache.layer.get l1 miss',
        `cache.layer.set ${sharedLayer} stored`,
        'cache.layer.set l1 stored',
        'cache.load',
      ].sort(),
    );
  }
}
