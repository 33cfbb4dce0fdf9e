import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { checkObject, invalidOption, oneOf } from 'tierwise/driver';

export interface OpenTelemetryOptions {
  /**
   * Whether spans carry `cache.key`: not at all, as the first 16 hexadecimal digits of its SHA-256, or as it is. Keys often
   * hold what identifies people, and a hash of a short one can be guessed. Default `'off'`.
   */
  readonly recordKeys?: 'off' | 'hash' | 'full';
  /**
   * Whether a call outside any trace begins one. The sampler is then asked on every such call, hits in memory included.
   * Default false.
   */
  readonly rootSpans?: boolean;
  /** Default: the global one, also where it is registered later. */
  readonly tracerProvider?: TracerProvider;
  /** Default: the global one, also where it is registered later. */
  readonly meterProvider?: MeterProvider;
}

export interface ResolvedOptions {
  readonly recordKeys: 'off' | 'hash' | 'full';
  readonly rootSpans: boolean;
  readonly tracerProvider: TracerProvider | undefined;
  readonly meterProvider: MeterProvider | undefined;
}

export function resolveOptions(options: OpenTelemetryOptions): ResolvedOptions {
  checkObject(options, 'openTelemetry', ['recordKeys', 'rootSpans', 'tracerProvider', 'meterProvider']);
  const { rootSpans = false, tracerProvider, meterProvider } = options;
  if (typeof rootSpans !== 'boolean') throw invalidOption('rootSpans', 'must be true or false');
  checkMethod(tracerProvider, 'tracerProvider', 'getTracer');
  checkMethod(meterProvider, 'meterProvider', 'getMeter');
  return {
    recordKeys: oneOf(options.recordKeys, ['off', 'hash', 'full'], 'off', 'recordKeys'),
    rootSpans,
    tracerProvider,
    meterProvider,
  };
}

function checkMethod(given: object | undefined, subject: string, name: string): void {
  if (given === undefined) return;
  if (typeof given === 'object' && given !== null && typeof Reflect.get(given, name) === 'function') return;
  throw invalidOption(subject, `must have the function ${name}`);
}
