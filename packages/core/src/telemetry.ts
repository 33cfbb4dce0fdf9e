// What tools that watch caches program against: `@tierwise/otel`, and subscribers of the tracing channel. A smaller stability
// promise than `tierwise` itself: may change in a minor version.

export type { Health } from './emitter.ts';
export type { CacheStats, StoreOperation } from './stats.ts';
export { errorType } from './telemetry/error-type.ts';
export {
  ATTRIBUTES,
  DURATIONS,
  FIGURES,
  type LayerResult,
  MEMORY_LAYER,
  OPERATION_SPANS,
  RESULTS,
  SPANS,
  TRACING_CHANNEL,
} from './telemetry/names.ts';
export { instrument } from './telemetry/process-wide.ts';
export type { PublishedContext } from './telemetry/published-span.ts';
export type {
  Attributes,
  AttributeValue,
  ObservedCache,
  Span,
  SpanFacts,
  SpanLink,
  Telemetry,
} from './telemetry/telemetry.ts';
