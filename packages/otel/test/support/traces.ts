import type { ReceivedSpan } from './otlp-receiver.ts';

/** Spans of one trace as a tree of lines: name, layer and result, children in the order in which they began. */
export function treeOf(spans: readonly ReceivedSpan[], root: ReceivedSpan, depth = 0): string[] {
  const { name, attributes } = root;
  const facts = [name, attributes['cache.layer'], attributes['cache.result']].filter((fact) => fact !== undefined);
  const children = spans.filter((span) => span.parentSpanId === root.spanId && span.traceId === root.traceId);
  return ['  '.repeat(depth) + facts.join(' '), ...children.flatMap((child) => treeOf(spans, child, depth + 1))];
}

/** The spans of this name. */
export function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan[] {
  return spans.filter((span) => span.name === name);
}

/** The one span of this name. */
export function one(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const [span, ...more] = named(spans, name);
  if (span === undefined || more.length > 0) {
    throw new Error(`expected one span ${name}, got ${spans.map((each) => each.name).join(', ')}`);
  }
  return span;
}
