import assert from 'node:assert/strict';
import { CacheError, type Remote, randomEpoch } from 'tierwise/driver';
import { monotonicMs, sleep } from '../clock.ts';
import { payloadOf, write } from './envelopes.ts';
import { type Pair, TestSession, until, withPair } from './session.ts';
import type { ConformanceCase, ConformanceSubject, Obstacle } from './subject.ts';

const KEY = 'key:1';
const CODES = new Set(['REMOTE_UNAVAILABLE', 'REMOTE_TIMEOUT', 'REMOTE_REJECTED']);
/** A deadline of at most a second, and time for a loaded machine: who has no deadline takes for ever. */
const PATIENCE_MS = 20_000;

/** What happens when state is lost or the server cannot be reached; cases the subject can arrange. */
export function failureConformance(subject: ConformanceSubject): ConformanceCase[] {
  const { loseState, createUnreachable } = subject;
  const cases: ConformanceCase[] = [];
  if (loseState !== undefined) {
    const lose = (pair: Pair): Promise<void> => loseState.call(subject, pair.remote, pair.cacheName);
    cases.push({
      name: 'starts another epoch after a loss of state, in which nothing older counts',
      run: () => withPair(subject, {}, (pair) => newEpoch(pair, () => lose(pair))),
    });
  }
  if (createUnreachable !== undefined) {
    const create = createUnreachable.bind(subject);
    for (const kind of ['refused', 'silent'] as const) {
      cases.push(
        {
          name: `rejects every call with a typed error, in time, when the server is ${kind}`,
          run: async () => withUnreachable(await create(kind), rejects),
        },
        {
          name: `reports that the server answers again after it was ${kind}`,
          run: async () => withUnreachable(await create(kind), recovers),
        },
      );
    }
  }
  return cases;
}

/** Runs a case on a session that finds nobody there. */
async function withUnreachable(
  obstacle: Obstacle & { readonly remote: Remote },
  run: (session: TestSession, obstacle: Obstacle) => Promise<void>,
): Promise<void> {
  try {
    const session = new TestSession(obstacle.remote, `conformance-${randomEpoch().slice(0, 12)}`, {});
    try {
      await run(session, obstacle);
    } finally {
      await session.close();
    }
  } finally {
    await obstacle.dispose();
  }
}

async function newEpoch({ a, b }: Pair, loseState: () => Promise<void>): Promise<void> {
  const before = await a.lease(KEY);
  await a.at(KEY).store.fill([write(KEY, before, 'before')]);
  await a.invalidate(KEY, { tags: ['t'] });
  const seen = await b.lease(KEY);
  await loseState();
  // A server that restarted has to be reached again first.
  let epoch = before.epoch;
  await until(async () => {
    epoch = await b.lease(KEY).then(
      (lease) => lease.epoch,
      () => before.epoch,
    );
    return epoch !== before.epoch;
  }, 'another epoch begins');
  await until(
    () =>
      a
        .lease(KEY)
        .then(({ epoch: its }) => its === epoch)
        .catch(() => false),
    'all sessions meet in it',
  );
  const reply = await a.tail(KEY, seen.epoch, seen.seq);
  assert.ok(reply.snapshot !== undefined, 'a tail of the old epoch is answered with a snapshot');
  assert.equal(reply.snapshot.tags.get('t'), undefined, 'versions of the old epoch are gone');
  const { store } = a.at(KEY);
  assert.deepEqual((await store.fill([write(KEY, seen, 'late')])).outcomes, ['voided']);
  assert.deepEqual((await store.set([write(KEY, seen, 'late')])).outcomes, ['conflicted']);
  assert.equal(await b.read(KEY), undefined, 'a refused set leaves nothing, not even what the old epoch had stored');
  assert.deepEqual((await store.fill([write(KEY, await a.lease(KEY), 'after')])).outcomes, ['stored']);
  assert.equal(payloadOf(await b.read(KEY)), 'after');
}

async function rejects(session: TestSession): Promise<void> {
  await sleep(50);
  const lease = { epoch: 'a'.repeat(32), seq: 0 };
  const { store, coordinator } = session.at(KEY);
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['tail', () => session.tail(KEY, undefined, 0)],
    ['invalidate', () => session.invalidate(KEY, { keys: [KEY] })],
    ['read', () => store.read([KEY])],
    ['fill', () => store.fill([write(KEY, lease, 'x')])],
    ['set', () => store.set([write(KEY, lease, 'x')])],
    ['renewFence', () => coordinator.renewFence('id', 1_000)],
    ['members', () => coordinator.members()],
  ];
  const beganMs = monotonicMs();
  await Promise.all(
    calls.map(async ([name, call]) => {
      const error: unknown = await call().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(CacheError.is(error) && CODES.has(error.code), `${name} rejects with a REMOTE_ error, not ${error}`);
    }),
  );
  assert.ok(monotonicMs() - beganMs < PATIENCE_MS, 'every call is settled by its deadline');
  await until(() => session.downs > 0, 'onDisconnected tells that there is no connection');
  assert.equal(session.ups, 0);
}

async function recovers(session: TestSession, obstacle: Obstacle): Promise<void> {
  await until(() => session.downs > 0, 'onDisconnected tells that there is no connection');
  assert.equal(session.reports.recoveries, 0, 'nothing is reported to answer before it does');
  await obstacle.recover();
  await session.connected();
  await until(
    () => session.reports.isRecovered,
    'onRecovered is called, for each server that a fault was reported of or for the whole layer',
  );
  await session.tail(KEY, undefined, 0);
}
