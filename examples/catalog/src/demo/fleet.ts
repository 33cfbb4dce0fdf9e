import type { Address } from './http-client.ts';

/** One running shop. */
export interface Instance extends Address {
  readonly name: string;
  /** Sends the spans that have ended, then answers with the ids of its traces that were begun because of this one. */
  tracesLinkedTo(traceId: string): Promise<readonly string[]>;
}

/** The instances of a run, however they run. */
export interface Fleet {
  /** How they run, for the head of the table. */
  readonly title: string;
  readonly instances: readonly Instance[];
  /** Requests a second that two processor cores carry without a queue; more would measure the queue. */
  readonly maxPerSecond: number;
  /** Aborts, with a sentence as its reason, when an instance ends by itself. */
  readonly died: AbortSignal;
  /** Ends all instances; idempotent. */
  stop(): Promise<void>;
}

/** What the instances of a run share. */
export interface FleetOptions {
  readonly databaseFile: string;
  readonly cacheName: string;
  /** Where spans go; `undefined` for nowhere. */
  readonly tracesTo: string | undefined;
}

export const INSTANCE_NAMES = ['a', 'b', 'c'] as const;
