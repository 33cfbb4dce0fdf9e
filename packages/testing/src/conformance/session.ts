import assert from 'node:assert/strict';
import {
  type BusMessage,
  type CoordinatorListener,
  type FenceChange,
  type Invalidation,
  type Lease,
  NOTHING,
  type Remote,
  type RemotePartition,
  type RemoteSession,
  randomEpoch,
  type SequencedEvent,
  type SequencedReply,
  systemClock,
  type TailReply,
} from 'tierwise/driver';
import { monotonicMs, sleep } from '../clock.ts';
import { Reports } from './reports.ts';
import type { ConformanceSubject } from './subject.ts';

const WAIT_MS = 15_000;
const POLL_MS = 2;

/** Limits a case may set. */
export interface CaseLimits {
  readonly logEvents?: number;
  readonly maxVersions?: number;
}

/** One session as a case uses it: everything is about the partition of a key. */
export class TestSession {
  readonly memberId: string = randomEpoch();
  leaseMs = 2_000;
  ups = 0;
  downs = 0;
  readonly reports = new Reports();
  readonly #session: RemoteSession;
  readonly #heard: BusMessage[][];

  constructor(remote: Remote, cacheName: string, limits: CaseLimits) {
    this.#session = remote.open({
      cacheName,
      leaseMs: this.leaseMs,
      logEvents: limits.logEvents ?? 1_000,
      maxVersions: limits.maxVersions ?? 1_000,
      clock: systemClock,
      onError: this.reports.onError,
      onRecovered: this.reports.onRecovered,
    });
    this.#heard = this.#session.partitions.map(() => []);
    for (const [index, { coordinator }] of this.#session.partitions.entries())
      coordinator.listen(this.#listener(index));
  }

  get partitions(): readonly RemotePartition[] {
    return this.#session.partitions;
  }

  /** Waits until every partition told that it is connected. */
  async connected(): Promise<void> {
    await until(() => this.ups >= this.partitions.length, 'onConnected is called for every partition');
  }

  at(key: string): RemotePartition {
    const index = this.#session.partitionOf(key);
    const partition = this.partitions[index];
    assert.ok(partition !== undefined, `partitionOf answers an index of partitions, not ${index}`);
    return partition;
  }

  partitionOf(key: string): number {
    return this.#session.partitionOf(key);
  }

  /** Messages of the bus for the partition of `key`, as they came. */
  heard(key: string): readonly BusMessage[] {
    return this.#heard[this.#session.partitionOf(key)] as BusMessage[];
  }

  tail(key: string, epoch: string | undefined, applied: number, withSlots = false): Promise<TailReply> {
    const member = { id: this.memberId, leaseMs: this.leaseMs };
    return this.at(key).coordinator.tail({ member, epoch, applied, withSlots });
  }

  /** A lease of now. */
  async lease(key: string): Promise<Lease> {
    const { epoch, seq } = await this.tail(key, undefined, 0);
    return { epoch, seq };
  }

  /** All events after `applied`, read in as many tails as it takes. */
  async events(key: string, epoch: string, applied: number): Promise<SequencedEvent[]> {
    const events: SequencedEvent[] = [];
    for (;;) {
      const reply = await this.tail(key, epoch, applied + events.length);
      assert.equal(reply.snapshot, undefined, 'a log that reaches is answered with events');
      events.push(...reply.events);
      if (applied + events.length >= reply.seq) return events;
      assert.ok(reply.events.length > 0, 'a tail brings at least one event while there are any');
    }
  }

  invalidate(key: string, names: Partial<Invalidation>, fence?: FenceChange): Promise<SequencedReply> {
    return this.at(key).coordinator.invalidate({ ...NOTHING, ...names }, fence);
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    const { values } = await this.at(key).store.read([key]);
    assert.equal(values.length, 1, 'a read answers one value a key');
    return values[0];
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #listener(index: number): CoordinatorListener {
    return {
      onMessage: (event) => this.#heard[index]?.push(event),
      onDoubt: () => {},
      onConnected: () => {
        this.ups++;
      },
      onDisconnected: () => {
        this.downs++;
      },
    };
  }
}

/** What a case works with: two sessions on one state, under a cache name that nobody else uses. */
export interface Pair {
  readonly a: TestSession;
  readonly b: TestSession;
  readonly remote: Remote;
  readonly cacheName: string;
}

/** Runs a case on two connected sessions and ends them. */
export async function withPair(
  subject: ConformanceSubject,
  limits: CaseLimits,
  run: (pair: Pair) => Promise<void>,
): Promise<void> {
  const remote = await subject.createRemote();
  const cacheName = `conformance-${randomEpoch().slice(0, 12)}`;
  const sessions = [new TestSession(remote, cacheName, limits), new TestSession(remote, cacheName, limits)] as const;
  try {
    await Promise.all(sessions.map((session) => session.connected()));
    await run({ a: sessions[0], b: sessions[1], remote, cacheName });
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
    await subject.dispose?.(remote);
  }
}

/** Waits for a condition that must come true. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = monotonicMs() + WAIT_MS;
  while (!(await condition())) {
    assert.ok(monotonicMs() < deadlineMs, `not within ${WAIT_MS} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

/** How long one message of {@link untilHeard} is waited for before the next. */
const HEARING_MS = 250;

/**
 * Waits until both sessions hear of events in the partition of `key`, and answers the number of the last one it made for
 * that: a session may be connected before it is subscribed, and what is published in between nobody brings again.
 */
export async function untilHeard({ a, b }: Pair, key: string): Promise<number> {
  const deadlineMs = monotonicMs() + WAIT_MS;
  for (;;) {
    const { seq } = await a.invalidate(key, { keys: [key] });
    const nextMs = monotonicMs() + HEARING_MS;
    while (monotonicMs() < nextMs) {
      if ([a, b].every((session) => session.heard(key).some((message) => message.seq === seq))) return seq;
      await sleep(POLL_MS);
    }
    assert.ok(monotonicMs() < deadlineMs, `not within ${WAIT_MS} ms: both sessions hear of an event`);
  }
}

/** `count` keys of one partition. */
export function keysTogether(session: TestSession, count: number, stem: string): string[] {
  const keys: string[] = [];
  const wanted = session.partitionOf(`${stem}:0`);
  for (let i = 0; keys.length < count; i++) {
    const key = `${stem}:${i}`;
    if (session.partitionOf(key) === wanted) keys.push(key);
  }
  return keys;
}
