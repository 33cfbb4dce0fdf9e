import { AsyncLocalStorage } from 'node:async_hooks';
import type { Attributes, ObservedCache, Span, SpanFacts, SpanLink, Telemetry } from '../../src/telemetry/telemetry.ts';

/** A span as it was told. */
export class RecordedSpan implements Span {
  readonly name: string;
  readonly id: string;
  readonly kind: SpanFacts['kind'];
  readonly parent: RecordedSpan | undefined;
  readonly traceId: string;
  readonly links: SpanLink[];
  readonly attributes: Record<string, unknown>;
  readonly key: string | undefined;
  readonly startedAtMs: number | undefined;
  isRecording: boolean;
  ends = 0;
  error: unknown;
  readonly #active: AsyncLocalStorage<RecordedSpan | undefined>;

  constructor(
    name: string,
    number: number,
    facts: SpanFacts,
    parent: RecordedSpan | undefined,
    active: AsyncLocalStorage<RecordedSpan | undefined>,
    isRecording: boolean,
  ) {
    this.name = name;
    this.id = number.toString(16).padStart(16, '0');
    this.traceId = parent?.traceId ?? number.toString(16).padStart(32, '0');
    this.kind = facts.kind;
    this.parent = parent;
    this.links = [...facts.links];
    this.attributes = { ...facts.attributes };
    this.key = facts.key;
    this.startedAtMs = facts.startedAtMs;
    this.isRecording = isRecording;
    this.#active = active;
  }

  get traceparent(): string {
    return `00-${this.traceId}-${this.id}-01`;
  }

  run<R>(call: () => R): R {
    return this.#active.run(this, call);
  }

  set(name: string, value: unknown): void {
    this.attributes[name] = value;
  }

  link(to: SpanLink): void {
    this.links.push(to);
  }

  end(error: unknown): void {
    this.ends++;
    this.error = error;
  }
}

/** Telemetry that keeps all it is told. */
export class Recording implements Telemetry {
  readonly spans: RecordedSpan[] = [];
  readonly measures: { name: string; value: number; attributes: Attributes }[] = [];
  readonly attached: ObservedCache[] = [];
  detached = 0;
  /** Whether operations are recorded. */
  isOn = true;
  /** Whether spans say that they are kept. */
  isSampling = true;
  /** What is asked or told, in turn; a test may throw here. */
  onCall: (what: string) => void = () => {};
  readonly active = new AsyncLocalStorage<RecordedSpan | undefined>();
  static #numbers = 0;

  isRecording(): boolean {
    this.onCall('isRecording');
    return this.isOn;
  }

  begin(name: string, facts: SpanFacts): Span {
    this.onCall('begin');
    const { parent } = facts;
    const above =
      parent === 'none' ? undefined : parent === 'active' ? this.active.getStore() : (parent as RecordedSpan);
    const number = ++Recording.#numbers;
    const span = new RecordedSpan(name, number, facts, above, this.active, this.isSampling);
    this.spans.push(span);
    return span;
  }

  measure(name: string, value: number, attributes: Attributes): void {
    this.onCall('measure');
    this.measures.push({ name, value, attributes });
  }

  attach(cache: ObservedCache): () => void {
    this.onCall('attach');
    this.attached.push(cache);
    return () => {
      this.detached++;
    };
  }

  /** Spans of this name. */
  named(name: string): RecordedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** The one span of this name. */
  one(name: string): RecordedSpan {
    const [span, ...more] = this.named(name);
    if (span === undefined || more.length > 0) throw new Error(`there are ${this.named(name).length} spans ${name}`);
    return span;
  }

  /** All spans as a tree of lines: name, layer, result. */
  tree(): string[] {
    const lines: string[] = [];
    const print = (span: RecordedSpan, depth: number): void => {
      const facts = [span.name, span.attributes['cache.layer'], span.attributes['cache.result']];
      lines.push('  '.repeat(depth) + facts.filter((fact) => fact !== undefined).join(' '));
      for (const child of this.spans) if (child.parent === span) print(child, depth + 1);
    };
    for (const span of this.spans) if (span.parent === undefined) print(span, 0);
    return lines;
  }

  clear(): void {
    this.spans.length = 0;
    this.measures.length = 0;
  }
}
