// Question: what does telemetry add to a hit in memory: none at all, set up without an SDK, below a caller that does not
// sample, and recording every span?
// Does not show: exporting. Recorded spans are thrown away, and nothing leaves the process. Reads that reach Redis pay the
// same beside a round trip, where it is small.
import { context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOnSampler, NoopSpanProcessor, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { openTelemetry } from '@tierwise/otel';
import { type Cache, type CacheOptions, createCache } from 'tierwise';
import type { Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import { type Contestant, measure } from '../measure.ts';
import { TTL_MS } from '../subject.ts';
import { keysUpTo, userOf } from '../values.ts';

const KEYS = keysUpTo(1_024);

/** A way to run a service, from no telemetry at all to every span recorded. */
interface Setting {
  readonly subject: string;
  readonly cache: Cache;
  /** Runs the measured part as the service would: with or without an SDK, inside a request or not. */
  readonly around: NonNullable<Contestant['around']>;
}

export const telemetry: Scenario = {
  name: 'telemetry',
  title: 'Telemetry',
  question: 'What a hit in memory costs with telemetry off, on without an SDK, unsampled, and recorded.',
  limits: 'Hits in memory only; recorded spans are thrown away, not sent.',
  async run(bench) {
    const settings = await createSettings();
    try {
      const common = { keys: inTurn(KEYS), isAnswered: true } as const;
      const peeks = settings.map(({ subject, cache, around }) => ({
        subject,
        around,
        operation: (key: string) => cache.peek(key),
      }));
      const loads = settings.map(({ subject, cache, around }) => ({
        subject,
        around,
        operation: (key: string) => cache.getOrSet(key, () => userOf(key)),
      }));
      return [
        await measure(bench, { ...common, name: 'peek', pace: 'sync', contestants: peeks }),
        await measure(bench, { ...common, name: 'awaited getOrSet', pace: 'awaited', contestants: loads }),
      ];
    } finally {
      for (const { cache } of settings) await cache.close();
    }
  },
};

async function createSettings(): Promise<Setting[]> {
  const tracerProvider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [new NoopSpanProcessor()],
  });
  const direct: Setting['around'] = async (call) => call();
  const off = { subject: 'telemetry off', cache: await fill({}), around: direct };
  const on = { subject: 'on, no SDK', cache: await fill({ telemetry: openTelemetry() }), around: direct };
  // As in a service: the SDK is there before the caches are.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  try {
    const below = async (subject: string, flags: TraceFlags): Promise<Setting> => ({
      subject,
      cache: await fill({ telemetry: openTelemetry({ tracerProvider }) }),
      around: (call) => inRequest(tracerProvider, flags, call),
    });
    const unsampled = await below('SDK, not sampled', TraceFlags.NONE);
    return [off, on, unsampled, await below('SDK, recorded', TraceFlags.SAMPLED)];
  } finally {
    context.disable();
  }
}

async function fill(options: Pick<CacheOptions, 'telemetry'>): Promise<Cache> {
  const cache = createCache({ name: 'bench', ttl: TTL_MS, memory: { maxEntries: 10_000 }, ...options });
  await cache.ready();
  await cache.setMany(KEYS.map((key) => ({ key, value: userOf(key) })));
  return cache;
}

/** Below a request that a caller has, or has not, decided to sample; the SDK is set up for as long as that takes. */
async function inRequest(provider: TracerProvider, traceFlags: TraceFlags, call: () => unknown): Promise<unknown> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  try {
    const caller = {
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      traceFlags,
      isRemote: true,
    };
    const parent = trace.setSpanContext(ROOT_CONTEXT, caller);
    return await provider.getTracer('bench').startActiveSpan('request', {}, parent, async (span) => {
      const result = await call();
      span.end();
      return result;
    });
  } finally {
    context.disable();
  }
}
