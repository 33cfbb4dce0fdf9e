import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Value = string | number | boolean;

/** A span as it came over the wire. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** 1 internal, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly string[];
  /** 0 unset, 2 error. */
  readonly status: number;
  /** `service.instance.id` of who sent it. */
  readonly instance: string;
  readonly sdkVersion: string;
  readonly scope: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** One data point of a metric as it came over the wire. */
export interface ReceivedPoint {
  readonly metric: string;
  readonly unit: string;
  readonly kind: 'counter' | 'upDownCounter' | 'gauge' | 'histogram';
  readonly attributes: Readonly<Record<string, Value>>;
  /** Of a histogram the number of values. */
  readonly value: number;
}

interface RawAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, Value>>;
}

interface RawSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly attributes: readonly RawAttribute[];
  readonly events?: readonly { name: string }[];
  readonly status?: { code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

interface RawPoint {
  readonly attributes: readonly RawAttribute[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
}

interface RawMetric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly isMonotonic: boolean; readonly dataPoints: readonly RawPoint[] };
  readonly gauge?: { readonly dataPoints: readonly RawPoint[] };
  readonly histogram?: { readonly dataPoints: readonly RawPoint[] };
}

interface Body {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly RawAttribute[] };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly RawSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly RawMetric[] }[];
  }[];
}

/** What an OTLP/HTTP collector would have got, in JSON. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** The points of the newest export. */
  points: readonly ReceivedPoint[];
}

export async function startReceiver(): Promise<OtlpReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      take(receiver, JSON.parse(Buffer.concat(chunks).toString()) as Body);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    points: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

function take(receiver: OtlpReceiver, { resourceSpans = [], resourceMetrics }: Body): void {
  for (const { resource, scopeSpans } of resourceSpans) {
    const from = toRecord(resource.attributes);
    for (const { scope, spans } of scopeSpans) {
      for (const span of spans) receiver.spans.push(toSpan(span, from, scope.name));
    }
  }
  if (resourceMetrics === undefined) return;
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: each }) => each));
  receiver.points = metrics.flatMap(toPoints);
}

function toSpan(span: RawSpan, from: Readonly<Record<string, Value>>, scope: string): ReceivedSpan {
  return {
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    kind: span.kind,
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
    attributes: toRecord(span.attributes),
    events: (span.events ?? []).map(({ name }) => name),
    status: span.status?.code ?? 0,
    instance: String(from['service.instance.id']),
    sdkVersion: String(from['telemetry.sdk.version']),
    scope,
    startMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
    endMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
  };
}

function toPoints(metric: RawMetric): ReceivedPoint[] {
  const { name, unit, sum, gauge, histogram } = metric;
  const kind = histogram ? 'histogram' : gauge ? 'gauge' : sum?.isMonotonic ? 'counter' : 'upDownCounter';
  const points = (histogram ?? gauge ?? sum)?.dataPoints ?? [];
  return points.map(({ attributes, asInt, asDouble, count }) => ({
    metric: name,
    unit,
    kind,
    attributes: toRecord(attributes),
    value: Number(count ?? asInt ?? asDouble),
  }));
}

function toRecord(attributes: readonly RawAttribute[]): Record<string, Value> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [[type, raw] = ['', '']] = Object.entries(value);
      return [key, type === 'intValue' ? Number(raw) : raw];
    }),
  );
}
