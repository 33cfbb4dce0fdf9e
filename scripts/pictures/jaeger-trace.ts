/** One span as Jaeger knows it. */
export interface JaegerSpan {
  readonly id: string;
  readonly name: string;
  /** Service and instance it is of. */
  readonly place: string;
  readonly depth: number;
  readonly startUs: number;
  readonly durationUs: number;
  readonly tags: Readonly<Record<string, unknown>>;
  /** Spans it is linked to, its parent not among them. */
  readonly links: readonly string[];
}

/** One trace: spans in the order of a tree. */
export interface JaegerTrace {
  readonly id: string;
  readonly spans: readonly JaegerSpan[];
}

interface Tag {
  readonly key: string;
  readonly value: unknown;
}

/** As far as it is read here. */
interface ApiTrace {
  readonly traceID: string;
  readonly processes: Readonly<Record<string, { readonly serviceName: string; readonly tags: readonly Tag[] }>>;
  readonly spans: readonly {
    readonly spanID: string;
    readonly operationName: string;
    readonly startTime: number;
    readonly duration: number;
    readonly processID: string;
    readonly tags: readonly Tag[];
    readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  }[];
}

/**
 * Reads the answer of `/api/traces/<id>`.
 *
 * @throws when it holds no trace, or a span whose parent is missing
 */
export function readTrace(answer: unknown): JaegerTrace {
  const [trace] = (answer as { readonly data: readonly ApiTrace[] }).data;
  if (trace === undefined) throw new Error('Jaeger knows no such trace');
  const children = new Map<string, ApiTrace['spans'][number][]>();
  for (const span of trace.spans) {
    const parent = span.references.find((ref) => ref.refType === 'CHILD_OF')?.spanID ?? '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const spans: JaegerSpan[] = [];
  const add = (parent: string, depth: number): void => {
    const below = (children.get(parent) ?? []).sort((a, b) => a.startTime - b.startTime || a.duration - b.duration);
    for (const span of below) {
      const process = trace.processes[span.processID];
      const instance = process?.tags.find(({ key }) => key === 'service.instance.id')?.value;
      spans.push({
        id: span.spanID,
        name: span.operationName,
        place: [process?.serviceName, instance].filter(Boolean).join(' '),
        depth,
        startUs: span.startTime,
        durationUs: span.duration,
        tags: Object.fromEntries(span.tags.map(({ key, value }) => [key, value])),
        links: span.references.filter((ref) => ref.refType !== 'CHILD_OF').map((ref) => ref.spanID),
      });
      add(span.spanID, depth + 1);
    }
  };
  add('', 0);
  if (spans.length !== trace.spans.length)
    throw new Error(`${trace.spans.length - spans.length} spans without a parent`);
  return { id: trace.traceID, spans };
}
