import type { Health } from '../emitter.ts';
import type { CacheStats } from '../stats.ts';

/** What can be noted of a span or a measurement. */
export type AttributeValue = string | number | boolean;

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A span that began at another place: one of ours, or as a W3C `traceparent` that came with a message. */
export type SpanLink = Span | string;

/** How a span begins. */
export interface SpanFacts {
  readonly kind: 'internal' | 'producer' | 'consumer';
  /** `'active'` stands for the span that is active where this one begins, `'none'` for a new root. */
  readonly parent: Span | 'active' | 'none';
  readonly links: readonly SpanLink[];
  readonly attributes: Attributes;
  /** The key the span is about, without its cache's name; to be recorded only by leave of the user. */
  readonly key: string | undefined;
  /** Unix milliseconds at which it began, where that was before now. */
  readonly startedAtMs: number | undefined;
}

/** One span under way. */
export interface Span {
  /** Whether what is noted of it is kept. Nothing is made below a span that is not recorded. */
  readonly isRecording: boolean;
  /** Its context as a W3C `traceparent`, for others to link to. */
  readonly traceparent: string;
  /** Runs `call` at once, and as a part of this span: what it begins is below it. Answers what `call` answers. */
  run<R>(call: () => R): R;
  set(name: string, value: AttributeValue): void;
  link(to: SpanLink): void;
  /** Ends it; with `error` it has failed. Called once. */
  end(error: unknown): void;
}

/** A cache as telemetry sees it, for figures that are read rather than told. */
export interface ObservedCache {
  readonly name: string;
  stats(): CacheStats;
  health(): Health;
}

/**
 * What is told of a cache's work. `@tierwise/otel` implements it.
 *
 * Called synchronously from within the operation it is about. Whatever it throws is counted and goes no further.
 */
export interface Telemetry {
  /** Whether a call that begins now is to be recorded. Asked on every call, so it must answer in a few nanoseconds. */
  isRecording(): boolean;
  begin(name: string, facts: SpanFacts): Span;
  /** One value of a distribution; `name` is one of `DURATIONS`, `value` in seconds. */
  measure(name: string, value: number, attributes: Attributes): void;
  /** A cache was created, or this was installed when it was there already. The result is called when either ends. */
  attach(cache: ObservedCache): () => void;
}
