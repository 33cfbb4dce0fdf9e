import { createHash } from 'node:crypto';
import {
  type Attributes as ApiAttributes,
  type Context,
  context,
  createContextKey,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import {
  ATTRIBUTES,
  type Attributes,
  instrument,
  type ObservedCache,
  type Span,
  type SpanFacts,
  type Telemetry,
} from 'tierwise/telemetry';
import { Instruments } from './instruments.ts';
import { type OpenTelemetryOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { OtelSpan, toLinks } from './otel-span.ts';
import { SCOPE } from './scope.ts';

const KINDS = { internal: SpanKind.INTERNAL, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER } as const;

/** Hexadecimal digits of a hashed key. */
const HASH_DIGITS = 16;

/**
 * Spans and metrics of one cache, for its option `telemetry`. Does nothing where the service has no SDK.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  return new OpenTelemetry(resolveOptions(options));
}

/**
 * Spans and metrics of every cache of the process that has no telemetry of its own: of those there already, whoever created
 * them, and of those to come. The result takes it out again. Calling it again replaces what was there.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function instrumentTierwise(options: OpenTelemetryOptions = {}): () => void {
  return instrument(openTelemetry(options));
}

/**
 * What makes the one question of every call cheap: contexts never change, and a span that is not recorded never will be
 * again. So nothing is asked while no context manager is there, which means that there is no SDK, and a context that was
 * found unrecorded is known by identity.
 */
class OpenTelemetry implements Telemetry {
  readonly #options: ResolvedOptions;
  readonly #tracer: Tracer;
  /** Each cache with what takes it out of the instruments it is in. */
  readonly #caches = new Map<ObservedCache, () => void>();
  #instruments: Instruments | undefined;
  #hasContexts = false;
  /** The newest context met in which nothing is recorded. */
  #unrecorded: Context | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    // The global one hands on to whatever provider is registered, also later.
    this.#tracer = (options.tracerProvider ?? trace).getTracer(SCOPE.name, SCOPE.version);
  }

  isRecording(): boolean {
    if (!this.#hasContexts) return this.#options.rootSpans;
    const active = context.active();
    if (active === this.#unrecorded) return false;
    const span = trace.getSpan(active);
    if (span === undefined ? this.#options.rootSpans : span.isRecording()) return true;
    this.#unrecorded = active;
    return false;
  }

  begin(name: string, facts: SpanFacts): Span {
    const parent = contextOf(facts.parent);
    const { startedAtMs } = facts;
    const span = this.#tracer.startSpan(
      name,
      {
        kind: KINDS[facts.kind],
        attributes: this.#attributesOf(facts),
        links: toLinks(facts.links),
        ...(startedAtMs !== undefined && { startTime: startedAtMs }),
      },
      parent,
    );
    return new OtelSpan(name, span, parent);
  }

  measure(name: string, value: number, attributes: Attributes): void {
    this.#look();
    this.#current().record(name, value, attributes);
  }

  attach(cache: ObservedCache): () => void {
    this.#look();
    this.#caches.set(cache, this.#current().observed.add(cache));
    return () => {
      this.#caches.get(cache)?.();
      this.#caches.delete(cache);
    };
  }

  /** Looks for an SDK that was set up meanwhile, and lets go of the request whose context was kept. */
  #look(): void {
    this.#hasContexts ||= hasContextManager();
    this.#unrecorded = undefined;
  }

  /**
   * The instruments of the provider that is registered now. Unlike tracers, meters made before there was one stay mute for
   * ever; since every tail is measured, a provider that comes later is met within a third of Δ.
   */
  #current(): Instruments {
    const provider = this.#options.meterProvider ?? metrics.getMeterProvider();
    if (this.#instruments?.provider !== provider) {
      this.#instruments = Instruments.at(provider);
      for (const [cache, leave] of this.#caches) {
        leave();
        this.#caches.set(cache, this.#instruments.observed.add(cache));
      }
    }
    return this.#instruments;
  }

  #attributesOf({ attributes, key }: SpanFacts): ApiAttributes {
    const { recordKeys } = this.#options;
    if (key === undefined || recordKeys === 'off') return attributes;
    const shown = recordKeys === 'full' ? key : createHash('sha256').update(key).digest('hex').slice(0, HASH_DIGITS);
    return { ...attributes, [ATTRIBUTES.key]: shown };
  }
}

const PROBE = createContextKey('@tierwise/otel');

/** Whether contexts are carried along at all. */
function hasContextManager(): boolean {
  return context.with(ROOT_CONTEXT.setValue(PROBE, true), () => context.active().getValue(PROBE) === true);
}

function contextOf(parent: SpanFacts['parent']): Context {
  if (parent === 'none') return ROOT_CONTEXT;
  // A span of other telemetry, which this has replaced meanwhile, has no context to offer.
  return parent instanceof OtelSpan ? parent.context : context.active();
}
