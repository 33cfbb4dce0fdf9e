import { every } from '../clock.ts';
import type { HistoryEvent } from '../history/events.ts';
import { type Counters, type InstanceReport, noCounters } from './contract.ts';

/** What the shared layer did since the start. */
type LayerUse = Pick<Counters, 'sharedHits' | 'sharedStored'>;

/** How often an instance reports, in ms: what a kill can lose. */
const REPORT_MS = 50;
const MAX_COMPLAINTS = 5;

/** What an instance has to tell the run, sent in batches. */
export class Recorder {
  counters: Counters = noCounters();
  #events: HistoryEvent[] = [];
  #complaints: string[] = [];
  #told: LayerUse = { sharedHits: 0, sharedStored: 0 };
  readonly #use: () => LayerUse;
  readonly #send: (report: InstanceReport) => void;

  constructor(send: (report: InstanceReport) => void, use: () => LayerUse) {
    this.#use = use;
    this.#send = send;
    every(REPORT_MS, () => this.flush());
  }

  add(event: HistoryEvent): void {
    this.#events.push(event);
  }

  complain(complaint: string): void {
    if (this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint);
  }

  flush(): void {
    const use = this.#use();
    this.counters.sharedHits = use.sharedHits - this.#told.sharedHits;
    this.counters.sharedStored = use.sharedStored - this.#told.sharedStored;
    this.#told = use;
    this.#send({ events: this.#events, counters: this.counters, complaints: this.#complaints });
    this.#events = [];
    this.#complaints = [];
    this.counters = noCounters();
  }
}
