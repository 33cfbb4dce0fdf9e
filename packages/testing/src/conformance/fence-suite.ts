import assert from 'node:assert/strict';
import { sleep } from '../clock.ts';
import { payloadOf, write } from './envelopes.ts';
import { keysTogether, type Pair, until, untilHeard, withPair } from './session.ts';
import type { ConformanceCase, ConformanceSubject } from './subject.ts';

const LIFE_MS = 60_000;

const CASES: readonly (readonly [name: string, body: (pair: Pair) => Promise<void>])[] = [
  ['refuses fills and sets under a closed fence until it is lifted', refuses],
  ['tells of fences in events and snapshots', tells],
  ['lifts only the fence that is meant', independent],
  ['lifts a fence whose life is over, as an event', expires],
  ['renews a fence that is there and no other', renews],
  ['knows its members, what they have applied and their Δ', members],
  ['tells a member whose Δ is not the agreed one', leases],
];

/** Closed fences and membership of a coordinator. */
export function fenceConformance(subject: ConformanceSubject): ConformanceCase[] {
  return CASES.map(([name, body]) => ({ name, run: () => withPair(subject, {}, body) }));
}

function close(id: string, lifeMs: number = LIFE_MS) {
  return { kind: 'close', id, lifeMs, isExclusive: false } as const;
}

async function refuses({ a, b }: Pair): Promise<void> {
  const [byKey, byTag, byPrefix, free] = keysTogether(a, 4, 'fenced') as [string, string, string, string];
  const names = { keys: [byKey], tags: ['fenced tag'], prefixes: [`${byPrefix}:`] };
  await a.invalidate(byKey, names, close('one'));
  const { store } = b.at(byKey);
  const lease = await b.lease(byKey);
  const writes = [
    write(byKey, lease, 'x'),
    write(byTag, lease, 'x', { tags: ['other', 'fenced tag'] }),
    write(`${byPrefix}:below`, lease, 'x'),
    write(free, lease, 'x', { tags: ['other'] }),
  ].filter(({ key }) => b.partitionOf(key) === b.partitionOf(byKey));
  const expected = writes.map(({ key }) => (key === free ? 'stored' : 'fenced'));
  assert.deepEqual((await store.fill(writes)).outcomes, expected);
  const set = await store.set(writes);
  assert.deepEqual(
    set.outcomes,
    expected.map((outcome) => (outcome === 'stored' ? 'stored' : 'conflicted')),
  );
  await a.invalidate(byKey, names, { kind: 'lift', id: 'one' });
  const later = await b.lease(byKey);
  const again = await store.fill([write(byKey, later, 'y'), write(byTag, later, 'y', { tags: ['fenced tag'] })]);
  assert.deepEqual(again.outcomes, ['stored', 'stored']);
}

async function tells(pair: Pair): Promise<void> {
  const { a, b } = pair;
  const [key] = keysTogether(a, 1, 'told') as [string];
  await untilHeard(pair, key);
  const { epoch, seq } = await a.lease(key);
  const names = { keys: [key], tags: ['t'], prefixes: ['p:'] };
  const fence = { kind: 'close', id: 'told', lifeMs: LIFE_MS, isExclusive: true } as const;
  await a.invalidate(key, names, fence);
  const [event] = await b.events(key, epoch, seq);
  assert.deepEqual(event?.fence, fence);
  await until(() => b.heard(key).some((heard) => heard.fence?.kind === 'close'), 'the bus tells of the fence');
  const { snapshot } = await b.tail(key, undefined, 0);
  assert.deepEqual(snapshot?.fences, [{ id: 'told', isExclusive: true, ...names }]);
  await a.invalidate(key, names, { kind: 'lift', id: 'told' });
  assert.deepEqual((await b.tail(key, undefined, 0)).snapshot?.fences, []);
  const [lifted] = await b.events(key, epoch, seq + 1);
  assert.deepEqual(lifted?.fence, { kind: 'lift', id: 'told' });
}

async function independent({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'twice') as [string];
  await a.invalidate(key, { keys: [key] }, close('first'));
  await b.invalidate(key, { keys: [key] }, close('second'));
  await a.invalidate(key, { keys: [key] }, { kind: 'lift', id: 'first' });
  await a.invalidate(key, { keys: [key] }, { kind: 'lift', id: 'never closed' });
  const { store } = a.at(key);
  assert.deepEqual((await store.fill([write(key, await a.lease(key), 'x')])).outcomes, ['fenced']);
  await b.invalidate(key, { keys: [key] }, { kind: 'lift', id: 'second' });
  assert.deepEqual((await store.fill([write(key, await a.lease(key), 'x')])).outcomes, ['stored']);
}

async function expires({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'short') as [string];
  await a.invalidate(key, { keys: [key] }, close('short', 60));
  const during = await b.lease(key);
  await sleep(100);
  const { store } = b.at(key);
  const [outcome] = (await store.fill([write(key, during, 'from under the fence')])).outcomes;
  assert.equal(outcome, 'fenced', 'what was loaded under the fence is older than the end of its life');
  const events = await b.events(key, during.epoch, during.seq);
  assert.deepEqual(
    events.map(({ fence, invalidation }) => [fence, invalidation.keys]),
    [[{ kind: 'lift', id: 'short' }, [key]]],
  );
  assert.deepEqual((await store.fill([write(key, await b.lease(key), 'x')])).outcomes, ['stored']);
  assert.equal(payloadOf(await a.read(key)), 'x');
}

async function renews({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'renewed') as [string];
  const { coordinator } = a.at(key);
  await a.invalidate(key, { keys: [key] }, close('renewed', 120));
  assert.equal(await coordinator.renewFence('renewed', LIFE_MS), true);
  assert.equal(await coordinator.renewFence('unknown', LIFE_MS), false);
  await sleep(180);
  assert.deepEqual((await b.at(key).store.fill([write(key, await b.lease(key), 'x')])).outcomes, ['fenced']);
  await a.invalidate(key, { keys: [key] }, { kind: 'lift', id: 'renewed' });
  assert.equal(await coordinator.renewFence('renewed', LIFE_MS), false);
}

async function members({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'members') as [string];
  const { epoch } = await a.lease(key);
  await a.invalidate(key, { keys: [key] });
  await a.tail(key, epoch, 1);
  await b.tail(key, epoch, 0);
  const reply = await b.at(key).coordinator.members();
  const status = new Map(reply.members.map((member) => [member.id, member]));
  assert.deepEqual([status.get(a.memberId)?.applied, status.get(b.memberId)?.applied], [1, 0]);
  assert.equal(status.get(a.memberId)?.leaseMs, a.leaseMs);
  for (const { silentMs } of reply.members) assert.ok(silentMs >= 0 && silentMs < 5_000, 'silence is told in ms');
  assert.ok(reply.ageMs >= 0);
  await b.at(key).coordinator.leave(b.memberId);
  const left = (await a.at(key).coordinator.members()).members.map(({ id }) => id);
  assert.deepEqual([left.includes(a.memberId), left.includes(b.memberId)], [true, false], 'who leaves is forgotten');
}

async function leases({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'leases') as [string];
  assert.equal((await a.tail(key, undefined, 0)).conflictingLeaseMs, undefined);
  assert.equal((await b.tail(key, undefined, 0)).conflictingLeaseMs, undefined);
  b.leaseMs = 3_000;
  assert.equal((await b.tail(key, undefined, 0)).conflictingLeaseMs, a.leaseMs);
}
