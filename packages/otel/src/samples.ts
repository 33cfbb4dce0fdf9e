import { ATTRIBUTES, type Attributes, type FIGURES, MEMORY_LAYER, type ObservedCache } from 'tierwise/telemetry';

export type Figure = keyof typeof FIGURES;

type ObservedLayer = ReturnType<ObservedCache['stats']>['layers'][string];

/** What memory and every shared layer count. */
type RequestCounts = Pick<ObservedLayer, 'hits' | 'misses' | 'stale' | 'expired' | 'unproved'>;

type Sampler = (figure: Figure, value: number, attributes?: Attributes) => Sample;

/** One value of one series. */
export interface Sample {
  readonly figure: Figure;
  readonly attributes: Attributes;
  readonly value: number;
}

/** Ages and states are those of the worst; everything else adds up. */
const WORST: ReadonlySet<Figure> = new Set(['proofAge', 'stalenessBound', 'state']);

/** Counts of a cache, which only grow. */
export function countsOf(cache: ObservedCache): Sample[] {
  const { memory, remote, layers, loads, invalidations, listenerErrors, telemetryErrors } = cache.stats();
  const sample = sampler(cache);
  const evictions = (reason: string, value: number): Sample =>
    sample('memoryEvictions', value, { [ATTRIBUTES.reason]: reason });
  const outcome = (figure: Figure, result: string, value: number): Sample =>
    sample(figure, value, { [ATTRIBUTES.result]: result });
  return [
    ...requestsOf(sample, { [ATTRIBUTES.layer]: MEMORY_LAYER }, memory),
    ...Object.entries(layers).flatMap(([store, layer]) => samplesOf(sample, store, layer)),
    outcome('loads', 'loaded', loads.started - loads.failed - loads.running),
    outcome('loads', 'failed', loads.failed),
    sample('loadsShared', loads.shared),
    sample('loadsUnkept', loads.unkept),
    evictions('evicted', memory.evictions),
    evictions('expired', memory.expired),
    evictions('invalidated', memory.invalidated),
    evictions('oversized', memory.oversized),
    outcome('fills', 'stored', remote.fills),
    outcome('fills', 'refused', remote.fillsRefused),
    sample('invalidationsSent', invalidations.sent),
    sample('invalidationsReceived', invalidations.received),
    sample('invalidationsUndelivered', invalidations.undelivered),
    sample('gaps', invalidations.gaps),
    sample('resyncs', invalidations.resyncs),
    sample('internalErrors', listenerErrors + telemetryErrors),
  ];
}

/** Counts of one shared layer; the name of its store tells it from another one of its kind. */
function samplesOf(sample: Sampler, store: string, layer: ObservedLayer): Sample[] {
  const of = { [ATTRIBUTES.layer]: layer.name, [ATTRIBUTES.store]: store };
  return [
    ...requestsOf(sample, of, layer),
    sample('requests', layer.errors, { ...of, [ATTRIBUTES.result]: 'error' }),
    sample('storeErrors', layer.failedCalls, of),
    sample('connectionErrors', layer.connectionErrors, of),
    sample('storeSkipped', layer.skipped, of),
    sample('storeOversized', layer.oversized, of),
  ];
}

/** What became of the keys a layer was asked for; why something there did not count is no plain miss. */
function requestsOf(sample: Sampler, of: Attributes, counts: RequestCounts): Sample[] {
  const { hits, misses, stale, expired, unproved } = counts;
  const results = { hit: hits, miss: misses - stale - expired - unproved, stale, expired, unproved };
  return Object.entries(results).map(([result, value]) =>
    sample('requests', value, { ...of, [ATTRIBUTES.result]: result }),
  );
}

/** What holds of a cache right now. */
export function statesOf(cache: ObservedCache): Sample[] {
  const { memory, loads } = cache.stats();
  const { state, proofAgeMs, journaled, stalenessBoundMs } = cache.health();
  const sample = sampler(cache);
  const states = (['coherent', 'suspect', 'offline', 'closed'] as const).map((each) =>
    sample('state', state === each ? 1 : 0, { [ATTRIBUTES.state]: each }),
  );
  return [
    sample('loadsRunning', loads.running),
    sample('memoryEntries', memory.entries),
    sample('memorySize', memory.bytes),
    sample('invalidationsJournaled', journaled),
    sample('stalenessBound', stalenessBoundMs / 1000),
    // Before the first proof there is no age.
    ...(Number.isFinite(proofAgeMs) ? [sample('proofAge', proofAgeMs / 1000)] : []),
    ...states,
  ];
}

/** One sample a series. */
export function addUp(samples: readonly Sample[]): Sample[] {
  const series = new Map<string, Sample>();
  for (const sample of samples) {
    const id = JSON.stringify([sample.figure, sample.attributes]);
    const before = series.get(id);
    series.set(id, before === undefined ? sample : { ...sample, value: combine(before, sample) });
  }
  return [...series.values()];
}

function combine({ figure, value }: Sample, other: Sample): number {
  return WORST.has(figure) ? Math.max(value, other.value) : value + other.value;
}

function sampler({ name }: ObservedCache): Sampler {
  return (figure, value, attributes = {}) => ({
    figure,
    value,
    attributes: { [ATTRIBUTES.name]: name, ...attributes },
  });
}
