import { channel, PublishedSpan } from './published-span.ts';
import type { Attributes, AttributeValue, Span, SpanFacts, SpanLink, Telemetry } from './telemetry.ts';

/** How a trace begins; what is left out is not there. */
export interface TraceFacts {
  readonly kind?: SpanFacts['kind'];
  readonly parent: Trace | 'active' | 'none';
  readonly links?: readonly (Trace | string)[];
  readonly attributes: Attributes;
  readonly key?: string;
  readonly startedAtMs?: number;
}

/** What one span is told by, to telemetry and to the tracing channel. */
export interface TraceSource {
  /** Attributes of every span. */
  readonly common: Attributes;
  telemetry(): Telemetry | undefined;
  /** Counts what telemetry threw. */
  onError(): void;
}

/** Most links a span begins with, and most contexts in one message. */
export const MAX_LINKS = 8;

/**
 * One span as the engine handles it: guards whatever telemetry does, so that a call below it runs exactly once and what it
 * answers or throws gets through untouched.
 */
export class Trace {
  readonly #source: TraceSource;
  readonly #span: Span | undefined;
  readonly #published: PublishedSpan | undefined;
  #isEnded = false;

  private constructor(source: TraceSource, span: Span | undefined, published: PublishedSpan | undefined) {
    this.#source = source;
    this.#span = span;
    this.#published = published;
  }

  static begin(source: TraceSource, name: string, facts: TraceFacts): Trace {
    const { parent, links = [] } = facts;
    const attributes = { ...source.common, ...facts.attributes };
    const publishedParent = parent instanceof Trace ? parent.#published : undefined;
    const published = channel.hasSubscribers ? new PublishedSpan(name, attributes, publishedParent) : undefined;
    const telemetry = source.telemetry();
    if (telemetry === undefined) return new Trace(source, undefined, published);
    try {
      const span = telemetry.begin(name, {
        kind: facts.kind ?? 'internal',
        // A parent that was begun before there was any telemetry has no span.
        parent: parent instanceof Trace ? (parent.#span ?? 'active') : parent,
        links: links.slice(0, MAX_LINKS).flatMap((link): SpanLink[] => {
          const other = link instanceof Trace ? link.#span : link;
          return other === undefined ? [] : [other];
        }),
        attributes,
        key: facts.key,
        startedAtMs: facts.startedAtMs,
      });
      return new Trace(source, span, published);
    } catch {
      source.onError();
      return new Trace(source, undefined, published);
    }
  }

  /** Whether anything is kept of it and of what is below it. */
  get isRecording(): boolean {
    return this.#published !== undefined || (this.#guard((span) => span.isRecording) ?? false);
  }

  /** Its context for a message; `undefined` when nobody could link to it. */
  get traceparent(): string | undefined {
    return this.#guard((span) => (span.isRecording ? span.traceparent : undefined));
  }

  child(name: string, facts: Omit<TraceFacts, 'parent'>): Trace {
    return Trace.begin(this.#source, name, { ...facts, parent: this });
  }

  /** Runs `call` as a part of this span. */
  run<R>(call: () => R): R {
    const published = this.#published;
    const inside = published === undefined ? call : () => published.run(call);
    const span = this.#span;
    if (span === undefined) return inside();
    let outcome: { readonly value: R } | { readonly thrown: unknown } | undefined;
    try {
      span.run(() => {
        outcome ??= attempt(inside);
        return 'value' in outcome ? outcome.value : undefined;
      });
    } catch {
      this.#source.onError();
    }
    // Control flow analysis does not see that the callback has assigned it.
    outcome = (outcome as ReturnType<typeof attempt<R>> | undefined) ?? attempt(inside);
    const settled = outcome;
    if ('thrown' in settled) throw settled.thrown;
    return settled.value;
  }

  /** Does nothing once it has ended: what a caller no longer waits for goes on, and may have more to tell. */
  set(name: string, value: AttributeValue): void {
    if (this.#isEnded) return;
    this.#published?.set(name, value);
    this.#guard((span) => span.set(name, value));
  }

  /** Ties it to a span of another trace, or of another part of this one. */
  link(to: Trace): void {
    const other = to.#span;
    if (other === undefined || to === this) return;
    this.#guard((span) => span.link(other));
  }

  /** Ends it; with `error` it has failed. Only the first call counts. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#published?.end(error);
    this.#guard((span) => span.end(error));
  }

  #guard<R>(call: (span: Span) => R): R | undefined {
    const span = this.#span;
    if (span === undefined) return undefined;
    try {
      return call(span);
    } catch {
      this.#source.onError();
      return undefined;
    }
  }
}

function attempt<R>(call: () => R): { readonly value: R } | { readonly thrown: unknown } {
  try {
    return { value: call() };
  } catch (thrown) {
    return { thrown };
  }
}

/** Runs `call` as a part of `trace` where there is one. */
export function within<R>(trace: Trace | undefined, call: () => R): R {
  return trace === undefined ? call() : trace.run(call);
}

/** Runs an asynchronous part of a span, and ends the span with it. */
export async function during<R>(trace: Trace | undefined, call: () => Promise<R>): Promise<R> {
  if (trace === undefined) return call();
  try {
    const result = await trace.run(call);
    trace.end();
    return result;
  } catch (error) {
    trace.end(error);
    throw error;
  }
}

/** The first of several that is recorded; the others are tied to it. */
export function leaderOf(traces: readonly (Trace | undefined)[]): Trace | undefined {
  const leader = traces.find((trace) => trace !== undefined);
  if (leader === undefined) return undefined;
  for (const trace of new Set(traces)) {
    if (trace !== undefined && trace !== leader) trace.link(leader);
  }
  return leader;
}
