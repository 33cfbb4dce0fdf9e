import { context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOnSampler, NoopSpanProcessor, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { openTelemetry } from '@tierwise/otel';
import { type Cache, createCache } from 'tierwise';
import type { Scenario, Subject } from '../measure.ts';

const KEYS = 1_000;
const KEY_NAMES: readonly string[] = Array.from({ length: KEYS }, (_, index) => `user:${index}`);

/** A way to run a service, from no telemetry at all to every span recorded. */
interface Setting {
  readonly name: string;
  readonly cache: Cache;
  /** Runs the measured part as the service would: with or without an SDK, inside a request or not. */
  around(call: () => void | Promise<void>): Promise<void>;
}

/** The settings, to be closed at the end. */
export interface Telemetry extends AsyncDisposable {
  readonly scenarios: readonly Scenario[];
}

/** What a hit in memory costs in each setting, by `peek` and by an awaited `getOrSet`. Nothing leaves the process. */
export async function telemetry(): Promise<Telemetry> {
  const settings = await createSettings();
  const question = 'What a hit in memory costs, by what records it; recorded spans are thrown away, not sent.';
  const load = (): object => ({});
  const peek = (cache: Cache, operations: number): void => {
    for (let i = 0; i < operations; i++) cache.peek(KEY_NAMES[i % KEYS] as string);
  };
  const getOrSet = async (cache: Cache, operations: number): Promise<void> => {
    for (let i = 0; i < operations; i++) await cache.getOrSet(KEY_NAMES[i % KEYS] as string, load);
  };
  const subjectsOf = (run: (cache: Cache, operations: number) => void | Promise<void>): Subject[] =>
    settings.map(({ name, cache, around }) => ({ name, run: (operations) => around(() => run(cache, operations)) }));
  return {
    scenarios: [
      { name: 'telemetry', question, subjects: subjectsOf(peek) },
      { name: 'telemetry-awaited', question, subjects: subjectsOf(getOrSet) },
    ],
    async [Symbol.asyncDispose]() {
      await Promise.all(settings.map(({ cache }) => cache.close()));
    },
  };
}

async function createSettings(): Promise<Setting[]> {
  const tracerProvider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [new NoopSpanProcessor()],
  });
  const direct: Setting['around'] = async (call) => call();
  const bare = { name: 'no telemetry', cache: await fill({}), around: direct };
  const mute = { name: 'openTelemetry(), no SDK', cache: await fill({ telemetry: openTelemetry() }), around: direct };
  // As in a service: the SDK is there before the caches are.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  try {
    const recorded = async (name: string, flags: TraceFlags): Promise<Setting> => ({
      name,
      cache: await fill({ telemetry: openTelemetry({ tracerProvider }) }),
      around: (call) => inRequest(tracerProvider, flags, call),
    });
    const unsampled = await recorded('SDK, parent not sampled', TraceFlags.NONE);
    return [bare, mute, unsampled, await recorded('SDK, recording', TraceFlags.SAMPLED)];
  } finally {
    context.disable();
  }
}

async function fill(options: Pick<Parameters<typeof createCache>[0], 'telemetry'>): Promise<Cache> {
  const cache = createCache({ name: 'bench', ttl: '1h', memory: { maxEntries: 10 * KEYS }, ...options });
  await cache.ready();
  await cache.setMany(KEY_NAMES.map((key, id) => ({ key, value: { id } })));
  return cache;
}

/** Below a request that a caller has, or has not, decided to sample; the SDK is set up for as long as that takes. */
async function inRequest(
  provider: TracerProvider,
  traceFlags: TraceFlags,
  call: () => void | Promise<void>,
): Promise<void> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  try {
    const caller = {
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      traceFlags,
      isRemote: true,
    };
    const parent = trace.setSpanContext(ROOT_CONTEXT, caller);
    await provider.getTracer('bench').startActiveSpan('request', {}, parent, async (span) => {
      await call();
      span.end();
    });
  } finally {
    context.disable();
  }
}
