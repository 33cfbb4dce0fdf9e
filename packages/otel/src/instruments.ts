import type { BatchObservableResult, Histogram, Meter, MeterProvider, Observable } from '@opentelemetry/api';
import { type Attributes, DURATIONS, FIGURES } from 'tierwise/telemetry';
import { Observed } from './observed.ts';
import type { Figure } from './samples.ts';
import { SCOPE } from './scope.ts';

type Shape = readonly [kind: 'counter' | 'upDownCounter' | 'gauge', unit: string, description: string];

const SHAPES: Readonly<Record<Figure, Shape>> = {
  requests: ['counter', '{request}', 'Keys asked of a layer'],
  loads: ['counter', '{load}', 'Loads that ended'],
  loadsShared: ['counter', '{request}', 'Reads that waited for a load another one had started'],
  loadsUnkept: ['counter', '{load}', 'Loads that were answered and not kept'],
  loadsRunning: ['upDownCounter', '{load}', 'Loads under way'],
  memoryEntries: ['upDownCounter', '{entry}', 'Entries in memory'],
  memorySize: ['upDownCounter', 'By', 'Bytes in memory, estimated'],
  memoryEvictions: ['counter', '{entry}', 'Entries that left memory'],
  fills: ['counter', '{entry}', 'Loaded values offered to the shared layer'],
  storeErrors: ['counter', '{command}', 'Commands of the shared layer that failed'],
  connectionErrors: ['counter', '{error}', 'Connections lost, and attempts that failed'],
  storeSkipped: ['counter', '{request}', 'Keys a layer was not asked for while it was left alone'],
  storeOversized: ['counter', '{entry}', 'Entries not sent because they were too large'],
  invalidationsSent: ['counter', '{event}', 'Own events confirmed'],
  invalidationsReceived: ['counter', '{event}', 'Messages that had an effect'],
  invalidationsUndelivered: ['counter', '{event}', 'Own events journaled because nobody confirmed them'],
  invalidationsJournaled: ['upDownCounter', '{name}', 'Names that wait in the journal'],
  gaps: ['counter', '{gap}', 'Times the bus skipped a message'],
  resyncs: ['counter', '{resync}', 'Times memory was emptied to rebuild the view'],
  proofAge: ['gauge', 's', 'Age of the newest proof'],
  stalenessBound: ['gauge', 's', 'How old an answer may be, counted from an invalidation made here'],
  state: ['gauge', '1', '1 for the state the cache is in, 0 for the others'],
  internalErrors: ['counter', '{error}', 'What listeners, loggers and telemetry threw'],
};

/** Seconds; from a round trip on loopback to the longest loader. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  [DURATIONS.load]: 'Loads, turns waited for included',
  [DURATIONS.store]: 'Commands of the shared layer',
  [DURATIONS.propagation]: 'From sending an own event until its message came back',
};

const atProviders = new WeakMap<MeterProvider, Instruments>();

/**
 * All instruments at one provider, whoever exports through it: a series has one value, so one place must add up what belongs
 * to it. Stays for as long as the provider does, since counts that were exported go on being exported.
 */
export class Instruments {
  readonly provider: MeterProvider;
  readonly observed = new Observed();
  readonly #histograms: ReadonlyMap<string, Histogram>;

  static at(provider: MeterProvider): Instruments {
    let instruments = atProviders.get(provider);
    if (instruments === undefined) {
      instruments = new Instruments(provider);
      atProviders.set(provider, instruments);
    }
    return instruments;
  }

  private constructor(provider: MeterProvider) {
    this.provider = provider;
    const meter = provider.getMeter(SCOPE.name, SCOPE.version);
    this.#histograms = new Map(
      Object.values(DURATIONS).map((name) => [
        name,
        meter.createHistogram(name, {
          unit: 's',
          description: DESCRIPTIONS[name] ?? '',
          advice: { explicitBucketBoundaries: [...BUCKETS] },
        }),
      ]),
    );
    const figures = Object.keys(FIGURES) as Figure[];
    const instruments = new Map(figures.map((figure) => [figure, createObservable(meter, figure)]));
    const observe = (result: BatchObservableResult): void => {
      for (const { figure, value, attributes } of this.observed.read()) {
        const instrument = instruments.get(figure);
        if (instrument !== undefined) result.observe(instrument, value, attributes);
      }
    };
    meter.addBatchObservableCallback(observe, [...instruments.values()]);
  }

  record(name: string, seconds: number, attributes: Attributes): void {
    this.#histograms.get(name)?.record(seconds, attributes);
  }
}

function createObservable(meter: Meter, figure: Figure): Observable {
  const [kind, unit, description] = SHAPES[figure];
  const options = { unit, description };
  switch (kind) {
    case 'counter':
      return meter.createObservableCounter(FIGURES[figure], options);
    case 'upDownCounter':
      return meter.createObservableUpDownCounter(FIGURES[figure], options);
    case 'gauge':
      return meter.createObservableGauge(FIGURES[figure], options);
  }
}
