import { LinkedTraces } from '../telemetry/linked-traces.ts';
import { type RunningTelemetry, startTelemetry } from '../telemetry/telemetry.ts';

/** Part of the load that is traced: a second of it has some thousand spans. */
const DEFAULT_RATIO = 0.05;

/** Telemetry of one instance of the demo, and what it knows of its own traces. */
export interface InstanceTelemetry {
  /** `undefined` without anywhere to send spans. */
  readonly telemetry: RunningTelemetry | undefined;
  tracesLinkedTo(traceId: string): Promise<readonly string[]>;
}

export async function startInstanceTelemetry(name: string, tracesTo: string | undefined): Promise<InstanceTelemetry> {
  const linked = new LinkedTraces();
  const telemetry = await startTelemetry(
    {
      resource: { 'service.name': 'catalog', 'service.instance.id': name },
      tracesTo,
      traceRatio: Number(process.env['OTEL_TRACES_SAMPLER_ARG'] ?? DEFAULT_RATIO),
      metricsOn: undefined,
    },
    [linked],
  );
  return {
    telemetry,
    async tracesLinkedTo(traceId) {
      await telemetry?.flush();
      return linked.linkedTo(traceId);
    },
  };
}
