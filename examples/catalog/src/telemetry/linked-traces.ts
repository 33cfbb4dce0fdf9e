import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';

/** Traces remembered. */
const LIMIT = 256;

/** Remembers which traces of this instance were begun because of another trace. */
export class LinkedTraces implements SpanProcessor {
  readonly #known: { readonly traceId: string; readonly because: readonly string[] }[] = [];

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    const { links, parentSpanContext } = span;
    if (parentSpanContext !== undefined || links.length === 0) return;
    this.#known.push({ traceId: span.spanContext().traceId, because: links.map(({ context }) => context.traceId) });
    if (this.#known.length > LIMIT) this.#known.shift();
  }

  /** Ids of the traces linked to one, oldest first. */
  linkedTo(traceId: string): string[] {
    return this.#known.filter(({ because }) => because.includes(traceId)).map((known) => known.traceId);
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
