import { context, propagation, type Tracer } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { openTelemetry } from '@tierwise/otel';
import type { Telemetry } from 'tierwise';
import { LinkedSampler } from './linked-sampler.ts';
import type { MetricsAddress, TelemetrySettings } from './settings.ts';

/** What an instance tells through while it runs. */
export interface RunningTelemetry {
  /** Spans of what is the example's own: its requests. */
  readonly tracer: Tracer;
  /** Spans and figures of the cache. */
  readonly ofCache: Telemetry;
  /** Resolves when what has ended so far was sent, or could not be. */
  flush(): Promise<void>;
  /** Sends what is left and stops. */
  close(): Promise<void>;
}

/** How often finished spans are sent. */
const EXPORT_EVERY_MS = 1000;
/** A cold request makes some fifty spans: room for a second of a busy instance. */
const MAX_QUEUED_SPANS = 16_384;
/** How long a receiver that does not answer is waited for. */
const EXPORT_TIMEOUT_MS = 3000;

/** Starts telling, if there is anybody to tell; `watchers` see every span that is kept. */
export async function startTelemetry(
  settings: TelemetrySettings,
  watchers: readonly SpanProcessor[] = [],
): Promise<RunningTelemetry | undefined> {
  if (settings.tracesTo === undefined && settings.metricsOn === undefined) return undefined;
  // Which span is active is a matter of the process, also where several instances share one.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  const resource = resourceFromAttributes(settings.resource).merge(detectResources({ detectors: [envDetector] }));
  const tracerProvider = createTracerProvider(settings, resource, watchers);
  const meterProvider = settings.metricsOn === undefined ? undefined : await startMetrics(settings.metricsOn, resource);

  return {
    tracer: tracerProvider.getTracer('@tierwise/example-catalog'),
    ofCache: openTelemetry({ tracerProvider, ...(meterProvider !== undefined && { meterProvider }) }),
    flush: () => tracerProvider.forceFlush(),
    async close() {
      await Promise.all([tracerProvider.shutdown(), meterProvider?.shutdown()]);
    },
  };
}

function createTracerProvider(
  { tracesTo, traceRatio }: TelemetrySettings,
  resource: Resource,
  watchers: readonly SpanProcessor[],
): TracerProvider {
  if (tracesTo === undefined) return new TracerProvider({ resource, spanProcessors: [...watchers] });
  const exporter = new OTLPTraceExporter({ url: `${tracesTo}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS });
  const batches = new BatchSpanProcessor({
    exporter,
    scheduledDelayMillis: EXPORT_EVERY_MS,
    maxQueueSize: MAX_QUEUED_SPANS,
  });
  return new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new LinkedSampler(new TraceIdRatioBasedSampler(traceRatio)) }),
    spanProcessors: [batches, ...watchers],
  });
}

/**
 * Offers figures at `/metrics`. Without the scope's name and version as labels: a new version would be a new series, and
 * every count would seem to begin anew.
 */
async function startMetrics({ host, port }: MetricsAddress, resource: Resource): Promise<MeterProvider> {
  const exporter = new PrometheusExporter({ host, port, preventServerStart: true, withoutScopeInfo: true });
  const provider = new MeterProvider({ resource, readers: [exporter] });
  await exporter.startServer();
  return provider;
}
