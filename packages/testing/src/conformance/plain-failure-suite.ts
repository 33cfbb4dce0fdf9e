import assert from 'node:assert/strict';
import { CacheError, type PlainStore, randomEpoch, systemClock } from 'tierwise/driver';
import { monotonicMs } from '../clock.ts';
import { Reports } from './reports.ts';
import { until } from './session.ts';
import type { ConformanceCase, Obstacle, PlainConformanceSubject } from './subject.ts';

const CODES = new Set(['REMOTE_UNAVAILABLE', 'REMOTE_TIMEOUT', 'REMOTE_REJECTED']);
/** A deadline of at most a second for each of two calls, and time for a loaded machine: who has no deadline takes for ever. */
const PATIENCE_MS = 20_000;
/** Enough for some of them to belong to every part. */
const NAMES = 100;

/** A layer without scripts that finds nobody there, as a case uses it. */
interface Unreached {
  readonly store: PlainStore;
  readonly reports: Reports;
  readonly obstacle: Obstacle;
}

/** What a layer without scripts does when its servers cannot be reached; cases the subject can arrange. */
export function plainFailureConformance(subject: PlainConformanceSubject): ConformanceCase[] {
  const { createUnreachable } = subject;
  if (createUnreachable === undefined) return [];
  return (['refused', 'silent'] as const).flatMap((kind) => {
    const run = async (body: (unreached: Unreached) => Promise<void>): Promise<void> => {
      const obstacle = await createUnreachable.call(subject, kind);
      const reports = new Reports();
      const { onError, onRecovered } = reports;
      try {
        const store = obstacle.layer.connect({ cacheName: 'conformance', clock: systemClock, onError, onRecovered });
        try {
          await body({ store, reports, obstacle });
        } finally {
          await store.close();
        }
      } finally {
        await obstacle.dispose();
      }
    };
    return [
      {
        name: `answers for every name with a typed error, in time, when the server is ${kind}`,
        run: () => run(({ store }) => fails(store)),
      },
      { name: `reports that the server answers again after it was ${kind}`, run: () => run(recovers) },
    ];
  });
}

async function fails(store: PlainStore): Promise<void> {
  const names = namesFor(store);
  const beganMs = monotonicMs();
  const reads = await store.read(names);
  const writes = await store.write(names.map((name) => ({ name, ttlMs: 60_000, bytes: Buffer.from('x') })));
  assert.ok(monotonicMs() - beganMs < PATIENCE_MS, 'every call is settled by its deadline');
  assert.deepEqual([reads.length, writes.length], [names.length, names.length]);
  for (const outcome of [...reads, ...writes]) {
    assert.ok(CacheError.is(outcome) && CODES.has(outcome.code), `a REMOTE_ error for every name, not ${outcome}`);
  }
}

async function recovers({ store, reports, obstacle }: Unreached): Promise<void> {
  const names = namesFor(store);
  await store.read(names);
  assert.equal(reports.recoveries, 0, 'nothing is reported to answer before it does');
  await obstacle.recover();
  await until(
    async () => (await store.read(names)).every((read) => !CacheError.is(read)),
    'all that can be reached is asked again',
  );
  await until(
    () => reports.isRecovered,
    'onRecovered is called, for each server that a fault was reported of or for the whole layer',
  );
}

function namesFor(store: PlainStore): string[] {
  const stem = randomEpoch();
  return Array.from({ length: Math.min(NAMES, store.limits.maxBatch) }, (_, i) => `${stem}:${i}`);
}
