/** Where figures are offered to Prometheus. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** What an instance tells of itself, and where to. */
export interface TelemetrySettings {
  /** Attributes of the resource; those that `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` name come first. */
  readonly resource: Readonly<Record<string, string>>;
  /** Base address of an OTLP/HTTP receiver; `undefined` for no traces. */
  readonly tracesTo: string | undefined;
  /** Part of the requests that is traced, 0 to 1. A request that comes with a trace follows that one's decision. */
  readonly traceRatio: number;
  /** `undefined` for no figures. */
  readonly metricsOn: MetricsAddress | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_SERVICE = 'catalog';
/** Registered for exporters of OpenTelemetry. */
const DEFAULT_METRICS_PORT = 9464;

/**
 * Reads the variables that OpenTelemetry has defined: traces with `OTEL_TRACES_EXPORTER=otlp`, figures with
 * `OTEL_METRICS_EXPORTER=prometheus`, nothing without either.
 */
export function settingsFrom(env: Environment): TelemetrySettings {
  return {
    resource: { 'service.name': DEFAULT_SERVICE },
    tracesTo: env['OTEL_TRACES_EXPORTER'] === 'otlp' ? otlpEndpoint(env) : undefined,
    traceRatio: Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? 1),
    metricsOn:
      env['OTEL_METRICS_EXPORTER'] === 'prometheus'
        ? {
            host: env['OTEL_EXPORTER_PROMETHEUS_HOST'] ?? 'localhost',
            port: Number(env['OTEL_EXPORTER_PROMETHEUS_PORT'] ?? DEFAULT_METRICS_PORT),
          }
        : undefined,
  };
}

/** Base address of the OTLP/HTTP receiver that the environment names, or of one on this machine. */
export function otlpEndpoint(env: Environment): string {
  const given = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return (given === undefined || given === '' ? 'http://127.0.0.1:4318' : given).replace(/\/+$/, '');
}
