import assert from 'node:assert/strict';
import { fenceSlot, floorBucket, NOTHING, type SequencedEvent } from 'tierwise/driver';
import { write } from './envelopes.ts';
import { ODD_NAMES } from './odd-names.ts';
import { type CaseLimits, keysTogether, type Pair, until, untilHeard, withPair } from './session.ts';
import type { ConformanceCase, ConformanceSubject } from './subject.ts';

type Body = (pair: Pair) => Promise<void>;

const KEY = 'key:1';
const EPOCH = /^[0-9a-f]{32}$/;
const FOREIGN_EPOCH = 'f'.repeat(32);

const CASES: readonly (readonly [name: string, body: Body, limits?: CaseLimits])[] = [
  ['tells that it is connected, and may be closed twice', connects],
  ['answers the first tail with an empty snapshot and an epoch', firstTail],
  ['numbers events without holes, whoever sends them', numbers],
  ['brings every event to every session, the sender included', messages],
  ['tells trace contexts along with a message or not at all, and logs none', origins],
  ['sends nothing more after close', silence],
  ['keeps names as they are', oddNames],
  ['answers a tail with what lies after it, and with nothing at the end', tails],
  ['answers a tail from another epoch, or from beyond the sequence, with a snapshot', foreignTails],
  ['shows the newest version of every name in a snapshot', snapshots],
  ['brings the fence slots with a snapshot, if they are asked for', slots],
  ['answers with a snapshot when the log no longer reaches', trims, { logEvents: 100 }],
  ['forgets old versions only into floors', floors, { maxVersions: 16 }],
  ['hands a long log over in pages without holes', pages, { logEvents: 5_000 }],
];

/** Sequence, log, tails and bus of a coordinator, seen through its public interface by two sessions. */
export function sequenceConformance(subject: ConformanceSubject): ConformanceCase[] {
  return CASES.map(([name, body, limits = {}]) => ({ name, run: () => withPair(subject, limits, body) }));
}

async function connects({ a, b }: Pair): Promise<void> {
  assert.equal(a.ups, a.partitions.length, 'onConnected is called once for each partition of a healthy session');
  assert.equal(a.partitions.length, b.partitions.length, 'all sessions have the same partitions');
  for (const key of ODD_NAMES) assert.equal(a.partitionOf(key), b.partitionOf(key), 'all agree where a key belongs');
  await a.close();
  await a.close();
}

async function firstTail({ a, b }: Pair): Promise<void> {
  const reply = await a.tail(KEY, undefined, 0);
  assert.match(reply.epoch, EPOCH);
  assert.notEqual(reply.timeline, '');
  assert.equal(reply.seq, 0);
  assert.ok(Number.isFinite(reply.authorityMs) && reply.authorityMs > 0, 'it tells the time');
  const { snapshot } = reply;
  assert.ok(snapshot !== undefined);
  assert.deepEqual([snapshot.tags.size, snapshot.prefixes.size, snapshot.floors.size, snapshot.clear], [0, 0, 0, 0]);
  const other = await b.tail(KEY, undefined, 0);
  assert.equal(other.epoch, reply.epoch, 'all sessions are in one epoch');
  assert.equal(other.timeline, reply.timeline);
}

async function numbers({ a, b }: Pair): Promise<void> {
  const { epoch } = await a.lease(KEY);
  const sent = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const tag = `tag:${i}`;
      return { tag, reply: await (i % 2 === 0 ? a : b).invalidate(KEY, { tags: [tag] }) };
    }),
  );
  const seqs = sent.map(({ reply }) => reply.seq).sort((one, other) => one - other);
  assert.deepEqual(
    seqs,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  assert.ok(sent.every(({ reply }) => reply.epoch === epoch));
  const events = await b.events(KEY, epoch, 0);
  assert.deepEqual(seqsOf(events), seqs, 'the log has every number once and in order');
  for (const { tag, reply } of sent) {
    assert.deepEqual(events[reply.seq - 1]?.invalidation.tags, [tag], 'a number belongs to the event that was told it');
  }
}

async function messages(pair: Pair): Promise<void> {
  const { a, b } = pair;
  const first = await untilHeard(pair, KEY);
  const { epoch } = await a.lease(KEY);
  for (let i = 0; i < 10; i++) await (i % 2 === 0 ? a : b).invalidate(KEY, { keys: [KEY], prefixes: [`p${i}:`] });
  for (const session of [a, b]) {
    const later = () => session.heard(KEY).filter(({ seq }) => seq > first);
    await until(() => new Set(seqsOf(later())).size === 10, 'all messages arrive in a healthy network');
    for (const event of later()) {
      assert.equal(event.epoch, epoch);
      assert.deepEqual(event.invalidation.keys, [KEY]);
      assert.deepEqual(event.invalidation.prefixes, [`p${event.seq - first - 1}:`]);
    }
  }
}

async function origins(pair: Pair): Promise<void> {
  const { a, b } = pair;
  await untilHeard(pair, KEY);
  const { epoch, seq } = await a.lease(KEY);
  const contexts = ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'];
  const reply = await a.at(KEY).coordinator.invalidate({ ...NOTHING, keys: [KEY] }, undefined, contexts);
  await until(() => seqsOf(b.heard(KEY)).includes(reply.seq), 'the message arrives');
  const message = b.heard(KEY).find((heard) => heard.seq === reply.seq);
  assert.deepEqual(message?.invalidation.keys, [KEY]);
  if (message?.origins !== undefined) assert.deepEqual(message.origins, contexts);
  const [event] = await b.events(KEY, epoch, seq);
  assert.deepEqual(event, { epoch, seq: reply.seq, invalidation: { ...NOTHING, keys: [KEY] }, fence: undefined });
}

async function silence(pair: Pair): Promise<void> {
  const { a, b } = pair;
  await untilHeard(pair, KEY);
  await a.close();
  const before = a.heard(KEY).length;
  const { seq } = await b.invalidate(KEY, { keys: [KEY] });
  await until(() => seqsOf(b.heard(KEY)).includes(seq), 'the other session still hears');
  assert.equal(a.heard(KEY).length, before);
}

async function oddNames(pair: Pair): Promise<void> {
  const { a, b } = pair;
  for (const key of ODD_NAMES) {
    await untilHeard(pair, key);
    const { epoch, seq } = await a.lease(key);
    const names = { keys: [key], tags: [key, `${key}2`], prefixes: [`${key}:`], patterns: [`${key}*x`] };
    const reply = await a.invalidate(key, names);
    const [event] = await b.events(key, epoch, seq);
    assert.ok(event !== undefined);
    const { clear, ...told } = event.invalidation;
    assert.deepEqual(told, names, 'the log keeps names');
    assert.equal(clear, false);
    await until(() => seqsOf(b.heard(key)).includes(reply.seq), 'the message arrives');
    const message = b.heard(key).find((heard) => heard.seq === reply.seq);
    assert.deepEqual(message?.invalidation, event.invalidation, 'the bus keeps names');
  }
}

async function tails({ a, b }: Pair): Promise<void> {
  const { epoch } = await a.lease(KEY);
  for (let i = 0; i < 5; i++) await a.invalidate(KEY, { keys: [KEY] });
  const later = await b.tail(KEY, epoch, 3);
  assert.deepEqual([later.seq, seqsOf(later.events), later.snapshot], [5, [4, 5], undefined]);
  const end = await b.tail(KEY, epoch, 5);
  assert.deepEqual([end.seq, end.events.length, end.snapshot], [5, 0, undefined]);
}

async function foreignTails({ a }: Pair): Promise<void> {
  const { epoch } = await a.lease(KEY);
  await a.invalidate(KEY, { tags: ['t'] });
  const foreign = await a.tail(KEY, FOREIGN_EPOCH, 1);
  assert.deepEqual([foreign.epoch, foreign.seq, foreign.snapshot?.tags.get('t')], [epoch, 1, 1]);
  const beyond = await a.tail(KEY, epoch, 2);
  assert.deepEqual([beyond.seq, beyond.snapshot?.tags.get('t')], [1, 1]);
}

async function snapshots({ a, b }: Pair): Promise<void> {
  await a.invalidate(KEY, { tags: ['t1', 't2'] });
  await b.invalidate(KEY, { tags: ['t1'], prefixes: ['p:'] });
  await a.invalidate(KEY, { clear: true });
  await b.invalidate(KEY, { keys: [KEY] });
  await a.invalidate(KEY, { patterns: ['*:x'] });
  const { snapshot, seq } = await b.tail(KEY, undefined, 0);
  assert.equal(seq, 5);
  assert.ok(snapshot !== undefined);
  assert.deepEqual([snapshot.tags.get('t1'), snapshot.tags.get('t2'), snapshot.prefixes.get('p:')], [2, 1, 2]);
  assert.deepEqual([snapshot.clear, snapshot.patterns.get('*:x')], [3, 5]);
}

async function slots({ a, b }: Pair): Promise<void> {
  const [one, two, three] = keysTogether(a, 3, 'slot') as [string, string, string];
  const lease = await a.lease(one);
  await a.invalidate(one, { keys: [one, two] });
  await b.invalidate(one, { tags: ['t'] });
  await b.at(one).store.set([write(two, { ...lease, seq: lease.seq + 2 }, 'x')]);
  await a.invalidate(one, { keys: [three] }, { kind: 'close', id: 'f', lifeMs: 60_000, isExclusive: false });
  assert.equal((await b.tail(one, undefined, 0)).snapshot?.slots.size, 0, 'nobody has to carry them for nothing');
  const { snapshot } = await b.tail(one, undefined, 0, true);
  assert.deepEqual(
    [...(snapshot?.slots ?? [])].toSorted((x, y) => x[1] - y[1]),
    [
      [fenceSlot(one), 1],
      [fenceSlot(two), 3],
      [fenceSlot(three), 4],
    ],
  );
}

async function trims({ a, b }: Pair): Promise<void> {
  const { epoch } = await a.lease(KEY);
  await a.invalidate(KEY, { tags: ['early'] });
  for (let i = 0; i < 10; i++) {
    await Promise.all(Array.from({ length: 50 }, () => a.invalidate(KEY, { keys: [KEY] })));
  }
  const { snapshot, seq } = await b.tail(KEY, epoch, 0);
  assert.equal(seq, 501);
  assert.equal(snapshot?.tags.get('early'), 1, 'what the log lost is in the snapshot');
  assert.equal((await b.events(KEY, epoch, 480)).length, 21, 'the newest events stay in the log');
}

async function floors({ a, b }: Pair): Promise<void> {
  const names = Array.from({ length: 100 }, (_, i) => `name:${i}:`);
  for (const [i, name] of names.entries()) {
    await a.invalidate(KEY, i % 2 === 0 ? { tags: [name] } : { prefixes: [name] });
  }
  const { snapshot } = await b.tail(KEY, undefined, 0);
  assert.ok(snapshot !== undefined);
  assert.ok(snapshot.tags.size + snapshot.prefixes.size <= 32, 'the number of versions is bounded');
  for (const [i, name] of names.entries()) {
    const [kind, versions] = i % 2 === 0 ? (['t', snapshot.tags] as const) : (['p', snapshot.prefixes] as const);
    const version = versions.get(name) ?? snapshot.floors.get(floorBucket(kind, name)) ?? 0;
    assert.ok(version >= i + 1, `${name} has at least the version it was given`);
  }
}

async function pages({ a, b }: Pair): Promise<void> {
  const { epoch } = await a.lease(KEY);
  for (let i = 0; i < 25; i++) {
    await Promise.all(Array.from({ length: 100 }, () => a.invalidate(KEY, { keys: [KEY] })));
  }
  const events = await b.events(KEY, epoch, 0);
  assert.deepEqual(
    seqsOf(events),
    Array.from({ length: 2_500 }, (_, i) => i + 1),
  );
}

function seqsOf(events: readonly SequencedEvent[]): number[] {
  return events.map(({ seq }) => seq);
}
