import { type Span as ApiSpan, type Context, context, type Link, SpanStatusCode, trace } from '@opentelemetry/api';
import { ATTRIBUTES, type AttributeValue, errorType, SPANS, type Span, type SpanLink } from 'tierwise/telemetry';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A span of the SDK, with the context in which it is the active one. */
export class OtelSpan implements Span {
  readonly isRecording: boolean;
  readonly context: Context;
  readonly #name: string;
  readonly #span: ApiSpan;

  constructor(name: string, span: ApiSpan, parent: Context) {
    this.#name = name;
    this.#span = span;
    this.isRecording = span.isRecording();
    this.context = trace.setSpan(parent, span);
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  run<R>(call: () => R): R {
    return context.with(this.context, call);
  }

  set(name: string, value: AttributeValue): void {
    this.#span.setAttribute(name, value);
  }

  link(to: SpanLink): void {
    for (const link of toLinks([to])) this.#span.addLink(link);
  }

  end(error: unknown): void {
    if (error !== undefined && this.isRecording) this.#fail(error);
    this.#span.end();
  }

  #fail(error: unknown): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.setAttribute(ATTRIBUTES.errorType, typeOf(error));
    // Told once, where it comes from: the spans above fail with the same.
    if (this.#name === SPANS.load && error instanceof Error) this.#span.recordException(error);
  }

  /** What others link to. */
  get apiLink(): Link {
    return { context: this.#span.spanContext() };
  }
}

/** Links as the API takes them; what cannot be read is left out. */
export function toLinks(links: readonly SpanLink[]): Link[] {
  return links.flatMap((link) => {
    if (link instanceof OtelSpan) return [link.apiLink];
    const match = typeof link === 'string' ? TRACEPARENT.exec(link) : null;
    if (match === null) return [];
    const [, traceId = '', spanId = '', flags = '00'] = match;
    return [{ context: { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true } }];
  });
}

/** On a span the kind of any error is worth knowing: a code of ours, or the name of its class. */
function typeOf(error: unknown): string {
  const type = errorType(error);
  return type === 'other' && error instanceof Error ? error.name : type;
}
