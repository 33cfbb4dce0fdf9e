import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { OtlpReceiver } from './otlp-receiver.ts';

/** The providers of one instance of a service, which send to a receiver. */
export interface Sdk {
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: MeterProvider;
  /** Sends all there is. */
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

export function startSdk(receiver: OtlpReceiver, instance: string, sampled: 'on' | 'off' = 'on'): Sdk {
  const resource = defaultResource().merge(resourceFromAttributes({ 'service.instance.id': instance }));
  const root = sampled === 'on' ? new AlwaysOnSampler() : new AlwaysOffSampler();
  const tracerProvider = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${receiver.url}/v1/traces` }),
        maxQueueSize: 100_000,
      }),
    ],
  });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${receiver.url}/v1/metrics` }),
    exportIntervalMillis: 3_600_000,
  });
  const meterProvider = new MeterProvider({ resource, readers: [reader] });
  return {
    tracerProvider,
    meterProvider,
    async flush() {
      await Promise.all([tracerProvider.forceFlush(), meterProvider.forceFlush()]);
    },
    async shutdown() {
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    },
  };
}

/** What a service does at its start: the context manager, and perhaps providers for everybody. */
export function registerGlobally(sdk?: Sdk): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (sdk === undefined) return;
  trace.setGlobalTracerProvider(sdk.tracerProvider);
  metrics.setGlobalMeterProvider(sdk.meterProvider);
}

/** Takes back all that was registered. */
export function unregister(): void {
  context.disable();
  trace.disable();
  metrics.disable();
}
