import { ATTRIBUTES, type Attributes, type FIGURES, MEMORY_LAYER, type ObservedCache } from 'tierwise/telemetry';

export type Figure = keyof typeof FIGURES;

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
  const layer = { [ATTRIBUTES.layer]: remote.name };
  const requests = (name: string, result: string, value: number): Sample =>
    sample('requests', value, { [ATTRIBUTES.layer]: name, [ATTRIBUTES.result]: result });
  const evictions = (reason: string, value: number): Sample =>
    sample('memoryEvictions', value, { [ATTRIBUTES.reason]: reason });
  const outcome = (figure: Figure, result: string, value: number): Sample =>
    sample(figure, value, { [ATTRIBUTES.result]: result });
  return [
    requests(MEMORY_LAYER, 'hit', memory.hits),
    requests(MEMORY_LAYER, 'miss', memory.misses - memory.stale - memory.expired - memory.unproved),
    requests(MEMORY_LAYER, 'stale', memory.stale),
    requests(MEMORY_LAYER, 'expired', memory.expired),
    requests(MEMORY_LAYER, 'unproved', memory.unproved),
    ...Object.values(layers).flatMap(({ name, hits, misses, stale, expired, unproved, errors }) => [
      requests(name, 'hit', hits),
      requests(name, 'miss', misses - stale - expired - unproved),
      requests(name, 'stale', stale),
      requests(name, 'expired', expired),
      requests(name, 'unproved', unproved),
      requests(name, 'error', errors),
    ]),
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
    sample('storeErrors', remote.failedCalls, layer),
    sample('connectionErrors', remote.connectionErrors, layer),
    sample('invalidationsSent', invalidations.sent),
    sample('invalidationsReceived', invalidations.received),
    sample('invalidationsUndelivered', invalidations.undelivered),
    sample('gaps', invalidations.gaps),
    sample('resyncs', invalidations.resyncs),
    sample('internalErrors', listenerErrors + telemetryErrors),
  ];
}

/** What holds of a cache right now. */
export function statesOf(cache: ObservedCache): Sample[] {
  const { memory, loads } = cache.stats();
  const { state, proofAgeMs, journaled, stalenessBoundMs } = cache.health();
  const sample = sampler(cache);
  const states = (['coherent', 'suspect', 'offline'] as const).map((each) =>
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

function sampler({ name }: ObservedCache) {
  return (figure: Figure, value: number, attributes: Attributes = {}): Sample => ({
    figure,
    value,
    attributes: { [ATTRIBUTES.name]: name, ...attributes },
  });
}
