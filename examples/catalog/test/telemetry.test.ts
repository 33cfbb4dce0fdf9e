import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { AlwaysOffSampler, SamplingDecision } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import { LinkedSampler } from '../src/telemetry/linked-sampler.ts';
import { otlpEndpoint, settingsFrom } from '../src/telemetry/settings.ts';

describe('settingsFrom', () => {
  it('tells nobody anything unless asked to', () => {
    expect(settingsFrom({})).toMatchObject({ tracesTo: undefined, metricsOn: undefined });
    expect(settingsFrom({ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' })).toMatchObject({
      tracesTo: undefined,
      metricsOn: undefined,
    });
  });

  it('reads the variables of OpenTelemetry', () => {
    const env = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318/',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_METRICS_EXPORTER: 'prometheus',
      OTEL_EXPORTER_PROMETHEUS_HOST: '0.0.0.0',
      OTEL_EXPORTER_PROMETHEUS_PORT: '1234',
    };
    expect(settingsFrom(env)).toEqual({
      resource: { 'service.name': 'catalog' },
      tracesTo: 'http://jaeger:4318',
      traceRatio: 0.25,
      metricsOn: { host: '0.0.0.0', port: 1234 },
    });
  });

  it('has the defaults of OpenTelemetry', () => {
    const settings = settingsFrom({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_METRICS_EXPORTER: 'prometheus' });
    expect(settings).toMatchObject({ traceRatio: 1, metricsOn: { host: 'localhost', port: 9464 } });
    expect(otlpEndpoint({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe('http://127.0.0.1:4318');
  });
});

describe('LinkedSampler', () => {
  const sampler = new LinkedSampler(new AlwaysOffSampler());
  const decide = (traceFlags: number | undefined): SamplingDecision => {
    const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: traceFlags ?? 0, isRemote: true };
    const links = traceFlags === undefined ? [] : [{ context }];
    return sampler.shouldSample(ROOT_CONTEXT, 'c'.repeat(32), 'process', SpanKind.CONSUMER, {}, links).decision;
  };

  it('keeps what is linked to a kept trace, and nothing else', () => {
    expect(decide(1)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
    expect(decide(0)).toBe(SamplingDecision.NOT_RECORD);
    expect(decide(undefined)).toBe(SamplingDecision.NOT_RECORD);
  });
});
