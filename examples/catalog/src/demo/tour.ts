import { setTimeout as sleep } from 'node:timers/promises';
import { context, propagation, SpanKind, type Tracer, trace } from '@opentelemetry/api';
import { type RunningTelemetry, startTelemetry } from '../telemetry/telemetry.ts';
import type { Instance } from './fleet.ts';
import { HttpClient } from './http-client.ts';

/** Where to look in Jaeger. */
export interface ShownTraces {
  /** A read that nobody has answered before: memory, Redis, database, and back. */
  readonly coldRead: string;
  /** A change, and the invalidation it sends. */
  readonly change: string;
  /** What each instance did when it heard of it. */
  readonly heard: readonly { readonly instance: string; readonly url: string }[];
}

const PROBE_TIMEOUT_MS = 2000;
const HEARD_TIMEOUT_MS = 3000;
const JAEGER_PORT = 16686;
const PAGE = '/categories/1/statistics';
const CHANGE = { path: '/categories/1', body: { description: 'Seen in a trace.' } } as const;

/** Why traces cannot be sent there, in one sentence; `undefined` if they can. */
export async function whyNotListening(endpoint: string): Promise<string | undefined> {
  const advice =
    'Start Jaeger (docker compose -f docker/compose.yaml up -d jaeger) or set OTEL_EXPORTER_OTLP_ENDPOINT.';
  try {
    const answer = await fetch(`${endpoint}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"resourceSpans":[]}',
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    if (answer.ok) return undefined;
    return `No traces: ${endpoint} answers with status ${answer.status} to OTLP over HTTP. ${advice}`;
  } catch {
    return `No traces: nobody listens at ${endpoint}. ${advice}`;
  }
}

/** A visitor who is traced all the way, on instances that have answered nobody yet. */
export async function takeTour(instances: readonly Instance[], tracesTo: string): Promise<ShownTraces> {
  const settings = { resource: { 'service.name': 'catalog-visitor' }, tracesTo, traceRatio: 1, metricsOn: undefined };
  const telemetry = (await startTelemetry(settings)) as RunningTelemetry;
  const visits = instances.map((instance) => new Visit(instance, telemetry.tracer));
  try {
    for (const visit of visits) await visit.connect();
    const [first, ...others] = visits as [Visit, ...Visit[]];
    const coldRead = await first.send('GET', PAGE);
    for (const other of others) await other.send('GET', PAGE);
    const change = await first.send('PATCH', CHANGE.path, CHANGE.body);
    const heard = await Promise.all(
      // The one that made the change knows already.
      instances.slice(1).map(async (instance) => {
        const traceIds = await untilHeard(instance, change);
        return traceIds.map((traceId) => ({ instance: instance.name, url: jaegerUrl(tracesTo, traceId) }));
      }),
    );
    return { coldRead: jaegerUrl(tracesTo, coldRead), change: jaegerUrl(tracesTo, change), heard: heard.flat() };
  } finally {
    for (const visit of visits) visit.close();
    await telemetry.close();
  }
}

/** What to print of them. */
export function tourLines({ coldRead, change, heard }: ShownTraces): string[] {
  return [
    'Traces to look at:',
    `  a cold read       ${coldRead}`,
    '                    not in memory, not in the shared layer: loaded, stored in both',
    `  a change          ${change}`,
    '                    the invalidation it sends; what it sets off elsewhere is linked to it:',
    ...heard.map(({ instance, url }) => `  heard by ${instance}        ${url}`),
  ];
}

/** Requests to one instance, each a trace of its own. */
class Visit {
  readonly #client: HttpClient;
  readonly #tracer: Tracer;

  constructor(instance: Instance, tracer: Tracer) {
    this.#client = new HttpClient(instance);
    this.#tracer = tracer;
  }

  /** Opens the connection, which is no part of what is shown. */
  async connect(): Promise<void> {
    await this.#client.send('/health');
  }

  /** Resolves to the id of the trace once the answer is here. */
  async send(method: 'GET' | 'PATCH', path: string, body?: unknown): Promise<string> {
    const attributes = { 'http.request.method': method, 'url.path': path };
    const span = this.#tracer.startSpan(`${method} ${path}`, { kind: SpanKind.CLIENT, attributes });
    const headers: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), span), headers);
    try {
      const { status } = await this.#client.send(path, { method, headers, body });
      span.setAttribute('http.response.status_code', status);
    } finally {
      span.end();
    }
    return span.spanContext().traceId;
  }

  close(): void {
    this.#client.close();
  }
}

/** A message may arrive after the answer to the change. */
async function untilHeard(instance: Instance, traceId: string): Promise<readonly string[]> {
  const deadlineMs = performance.now() + HEARD_TIMEOUT_MS;
  for (;;) {
    const linked = await instance.tracesLinkedTo(traceId);
    if (linked.length > 0 || performance.now() > deadlineMs) return linked;
    await sleep(20);
  }
}

/** Jaeger shows traces on the machine that takes them. */
function jaegerUrl(endpoint: string, traceId: string): string {
  const url = new URL(endpoint);
  url.port = String(JAEGER_PORT);
  url.pathname = `/trace/${traceId}`;
  return url.href;
}
