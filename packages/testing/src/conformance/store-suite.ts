import assert from 'node:assert/strict';
import { sleep } from '../clock.ts';
import { ownSeqOf, payloadOf, write } from './envelopes.ts';
import { ODD_NAMES } from './odd-names.ts';
import { keysTogether, type Pair, until, untilHeard, withPair } from './session.ts';
import type { ConformanceCase, ConformanceSubject } from './subject.ts';

const FOREIGN_EPOCH = 'e'.repeat(32);
const MEGABYTE = 1024 * 1024;
const MAX_BATCH_TRIED = 1_000;

const CASES: readonly (readonly [name: string, body: (pair: Pair) => Promise<void>])[] = [
  ['answers undefined for what is not there, in the order asked, with the timeline of the tail', absent],
  ['lets every session read what one has filled', fills],
  ['refuses a fill that an event on its key has overtaken', fenced],
  ['refuses a fill that is older than what is stored, if it can compare', superseded],
  ['refuses a fill whose lease is of another epoch or from beyond the sequence', voided],
  ['answers each fill of a batch for itself', mixedBatch],
  ['drops a key that is invalidated', drops],
  ['gives what is set its own number, and tells everybody', sets],
  ['turns a set that an event has overtaken into an invalidation', conflictingSet],
  ['refuses a fill that a set has overtaken', fillAfterSet],
  ['keeps the higher of two versions that the caller gave, or refuses both', versionedSet],
  ['forgets when a lifetime is over, and only then', lifetimes],
  ['keeps any key', oddKeys],
  ['keeps any bytes: none, all values, a megabyte', oddBytes],
  ['takes batches as large as it says', largeBatches],
  ['ends concurrent writes in the state of the last event', concurrentWrites],
  ['collects what matches a pattern and nothing else, if it can look for it', collects],
];

/** A store, seen through its public interface by two sessions. */
export function storeConformance(subject: ConformanceSubject): ConformanceCase[] {
  return CASES.map(([name, body]) => ({ name, run: () => withPair(subject, {}, body) }));
}

async function absent({ a }: Pair): Promise<void> {
  const [first, second, third] = keysTogether(a, 3, 'absent') as [string, string, string];
  const lease = await a.lease(first);
  const { store } = a.at(first);
  await store.fill([write(second, lease, 'here')]);
  const { values, timeline } = await store.read([first, second, third]);
  assert.deepEqual(values.map(payloadOf), [undefined, 'here', undefined]);
  assert.equal(timeline, (await a.tail(first, undefined, 0)).timeline);
  assert.notEqual(store.name, '');
  assert.ok(Number.isInteger(store.limits.maxBatch) && store.limits.maxBatch > 0);
}

async function fills({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'filled') as [string];
  const lease = await a.lease(key);
  const entry = write(key, lease, 'value', { tags: ['t'] });
  const reply = await a.at(key).store.fill([entry]);
  assert.deepEqual(reply, { epoch: lease.epoch, seq: lease.seq, outcomes: ['stored'] });
  assert.deepEqual(Buffer.from((await b.read(key)) ?? []), Buffer.from(entry.bytes), 'bytes come back unchanged');
  assert.equal((await b.lease(key)).seq, lease.seq, 'a fill is no event');
}

async function fenced({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'fence') as [string];
  const lease = await a.lease(key);
  await b.invalidate(key, { keys: [key] });
  assert.deepEqual((await a.at(key).store.fill([write(key, lease, 'old')])).outcomes, ['fenced']);
  assert.equal(await b.read(key), undefined);
  assert.deepEqual((await a.at(key).store.fill([write(key, await a.lease(key), 'new')])).outcomes, ['stored']);
}

async function superseded({ a, b }: Pair): Promise<void> {
  const [key, other] = keysTogether(a, 2, 'superseded') as [string, string];
  const older = await a.lease(key);
  await b.invalidate(key, { keys: [other] });
  const newer = await b.lease(key);
  await b.at(key).store.fill([write(key, newer, 'newer')]);
  const { store } = a.at(key);
  const { outcomes } = await store.fill([write(key, older, 'older')]);
  // Without an event on the key between the leases both are as good, and only comparing can keep the newer one.
  assert.deepEqual(outcomes, [store.limits.hasScripts ? 'superseded' : 'stored']);
  assert.equal(payloadOf(await a.read(key)), store.limits.hasScripts ? 'newer' : 'older');
  assert.deepEqual((await a.at(key).store.fill([write(key, newer, 'equal')])).outcomes, ['stored']);
}

async function voided({ a }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'voided') as [string];
  const lease = await a.lease(key);
  const { store } = a.at(key);
  assert.deepEqual((await store.fill([write(key, { ...lease, epoch: FOREIGN_EPOCH }, 'x')])).outcomes, ['voided']);
  assert.deepEqual((await store.fill([write(key, { ...lease, seq: lease.seq + 1 }, 'x')])).outcomes, ['voided']);
  assert.equal(await a.read(key), undefined);
}

async function mixedBatch({ a, b }: Pair): Promise<void> {
  const [stored, dropped, newer, last] = keysTogether(a, 4, 'mixed') as [string, string, string, string];
  const lease = await a.lease(stored);
  await b.invalidate(dropped, { keys: [dropped] });
  await b.at(newer).store.fill([write(newer, await b.lease(newer), 'newer')]);
  const batch = [stored, dropped, newer, last].map((key) => write(key, lease, key));
  const { store } = a.at(stored);
  const older = store.limits.hasScripts ? 'superseded' : 'stored';
  assert.deepEqual((await store.fill(batch)).outcomes, ['stored', 'fenced', older, 'stored']);
  const { values } = await b.at(stored).store.read([last, newer, dropped, stored]);
  assert.deepEqual(values.map(payloadOf), [last, store.limits.hasScripts ? 'newer' : newer, undefined, stored]);
}

async function drops({ a, b }: Pair): Promise<void> {
  const [key, other] = keysTogether(a, 2, 'dropped') as [string, string];
  const lease = await a.lease(key);
  await a.at(key).store.fill([write(key, lease, 'x'), write(other, lease, 'y')]);
  await b.invalidate(key, { keys: [key] });
  assert.equal(await a.read(key), undefined);
  assert.equal(payloadOf(await a.read(other)), 'y');
}

async function sets(pair: Pair): Promise<void> {
  const { a, b } = pair;
  const [one, two] = keysTogether(a, 2, 'set') as [string, string];
  await untilHeard(pair, one);
  const lease = await a.lease(one);
  const reply = await a.at(one).store.set([write(one, lease, '1'), write(two, lease, '2')]);
  assert.deepEqual(reply, { epoch: lease.epoch, seq: lease.seq + 1, outcomes: ['stored', 'stored'] });
  for (const key of [one, two]) assert.equal(ownSeqOf(await b.read(key)), reply.seq, 'it carries its own number');
  assert.equal(payloadOf(await b.read(two)), '2');
  const events = await b.events(one, lease.epoch, lease.seq);
  assert.deepEqual(
    events.map(({ seq, invalidation }) => [seq, invalidation.keys]),
    [[reply.seq, [one, two]]],
    'one event for the whole call',
  );
  await until(() => b.heard(one).some(({ seq }) => seq === reply.seq), 'the bus tells of the set');
}

async function conflictingSet({ a, b }: Pair): Promise<void> {
  const [contested, free] = keysTogether(a, 2, 'contested') as [string, string];
  const lease = await a.lease(contested);
  await b.at(contested).store.set([write(contested, await b.lease(contested), 'first')]);
  const reply = await a.at(contested).store.set([write(contested, lease, 'second'), write(free, lease, 'free')]);
  assert.deepEqual(reply.outcomes, ['conflicted', 'stored']);
  assert.equal(await b.read(contested), undefined, 'neither of two writers in conflict stays');
  assert.equal(payloadOf(await b.read(free)), 'free');
  const stale = await a.at(contested).store.fill([write(contested, { ...lease, seq: reply.seq - 1 }, 'x')]);
  assert.deepEqual(stale.outcomes, ['fenced'], 'the refused set is an event on its key');
  const foreign = await a.at(free).store.set([write(free, { ...lease, epoch: FOREIGN_EPOCH }, 'x')]);
  assert.deepEqual(foreign.outcomes, ['conflicted']);
  assert.equal(await b.read(free), undefined);
}

async function fillAfterSet({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'set-then-fill') as [string];
  const lease = await a.lease(key);
  await b.at(key).store.set([write(key, lease, 'set')]);
  assert.deepEqual((await a.at(key).store.fill([write(key, lease, 'loaded before')])).outcomes, ['fenced']);
  assert.equal(payloadOf(await a.read(key)), 'set');
}

async function versionedSet({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'versioned') as [string];
  const set = async (session: typeof a, payload: string, version: number) => {
    const { outcomes } = await session.at(key).store.set([write(key, await session.lease(key), payload, { version })]);
    return outcomes[0];
  };
  if (!a.at(key).store.limits.hasScripts) {
    await a.at(key).store.fill([write(key, await a.lease(key), 'before')]);
    assert.equal(await set(a, 'five', 5), 'conflicted');
    assert.equal(await b.read(key), undefined, 'what it could not order, everybody forgets');
    return;
  }
  assert.equal(await set(a, 'five', 5), 'stored');
  assert.equal(await set(b, 'four', 4), 'outdated');
  assert.equal(payloadOf(await a.read(key)), 'five');
  assert.equal(await set(b, 'six', 6), 'stored');
  assert.equal(payloadOf(await a.read(key)), 'six');
}

async function lifetimes({ a, b }: Pair): Promise<void> {
  const [short, long, forever] = keysTogether(a, 3, 'lifetime') as [string, string, string];
  const lease = await a.lease(short);
  await a
    .at(short)
    .store.fill([
      write(short, lease, 's', { ttlMs: 50 }),
      write(long, lease, 'l'),
      write(forever, lease, 'f', { ttlMs: 0 }),
    ]);
  await sleep(20);
  await until(async () => (await b.read(short)) === undefined, 'the short-lived entry goes');
  assert.deepEqual([payloadOf(await b.read(long)), payloadOf(await b.read(forever))], ['l', 'f']);
  await a.at(short).store.set([write(short, await a.lease(short), 's', { ttlMs: 50 })]);
  await until(async () => (await b.read(short)) === undefined, 'the short-lived entry that was set goes');
}

async function oddKeys({ a, b }: Pair): Promise<void> {
  for (const key of ODD_NAMES) await a.at(key).store.fill([write(key, await a.lease(key), `value of ${key.length}`)]);
  for (const key of ODD_NAMES) assert.equal(payloadOf(await b.read(key)), `value of ${key.length}`);
  const [gone = '', ...kept] = ODD_NAMES;
  await a.invalidate(gone, { keys: [gone] });
  assert.equal(await b.read(gone), undefined);
  for (const key of kept) assert.equal(payloadOf(await b.read(key)), `value of ${key.length}`, 'keys never meet');
}

async function oddBytes({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'bytes') as [string];
  const all = Uint8Array.from({ length: 512 }, (_, i) => i & 0xff);
  for (const payload of [new Uint8Array(0), all, Buffer.alloc(MEGABYTE, all)]) {
    const filled = write(key, await a.lease(key), payload);
    // A part of a larger buffer, as codecs hand them out.
    const padded = Buffer.concat([Buffer.from('before'), filled.bytes, Buffer.from('after')]);
    const bytes = new Uint8Array(padded.buffer, padded.byteOffset + 6, filled.bytes.byteLength);
    assert.deepEqual((await a.at(key).store.fill([{ ...filled, bytes }])).outcomes, ['stored']);
    assert.ok(Buffer.from((await b.read(key)) ?? []).equals(Buffer.from(filled.bytes)), 'filled bytes are unchanged');
    await a.at(key).store.set([write(key, await a.lease(key), payload)]);
    assert.equal(payloadOf(await b.read(key)), Buffer.from(payload).toString('latin1'), 'set bytes are unchanged');
  }
}

async function largeBatches({ a, b }: Pair): Promise<void> {
  const count = Math.min(MAX_BATCH_TRIED, a.at('batch:0').store.limits.maxBatch);
  const keys = keysTogether(a, count, 'batch');
  const [first = ''] = keys;
  const { store } = a.at(first);
  const lease = await a.lease(first);
  const filled = await store.fill(keys.map((key) => write(key, lease, key)));
  assert.ok(filled.outcomes.length === count && filled.outcomes.every((outcome) => outcome === 'stored'));
  const { values } = await b.at(first).store.read(keys);
  assert.deepEqual(values.map(payloadOf), keys);
  const set = await store.set(keys.map((key) => write(key, lease, 'set')));
  assert.ok(set.outcomes.length === count && set.outcomes.every((outcome) => outcome === 'stored'));
  await b.invalidate(first, { keys });
  assert.ok((await store.read(keys)).values.every((value) => value === undefined));
}

async function concurrentWrites({ a, b }: Pair): Promise<void> {
  const [key] = keysTogether(a, 1, 'concurrent') as [string];
  const start = await a.lease(key);
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const session = i % 2 === 0 ? a : b;
      if (i % 3 === 0) await session.invalidate(key, { keys: [key] });
      else await session.at(key).store.set([write(key, await session.lease(key), String(i))]);
    }),
  );
  const events = await a.events(key, start.epoch, start.seq);
  assert.equal(events.length, 60, 'every write is one event');
  const ownSeq = ownSeqOf(await a.read(key));
  if (ownSeq !== undefined) assert.equal(ownSeq, events.at(-1)?.seq, 'only the last write can have left something');
}

async function collects({ a, b }: Pair): Promise<void> {
  const matching = ['collect:1:x', 'collect:22:x', 'collect::x'];
  const others = ['collect:1:y', 'xcollect:1:x', '\0eu:collect:1:x'];
  for (const key of [...matching, ...others]) await a.at(key).store.fill([write(key, await a.lease(key), 'v')]);
  let told = 0;
  let dropped = 0;
  for (const { store } of b.partitions) {
    const onProgress = (progress: { readonly dropped: number }): void => {
      told = Math.max(told, progress.dropped);
    };
    dropped += await store.collect('collect:*:x', { signal: undefined, onProgress });
  }
  const canLook = b.partitions.every(({ store }) => store.limits.hasScripts);
  assert.equal(dropped, canLook ? matching.length : 0);
  if (!canLook) return;
  assert.ok(told > 0, 'progress is told');
  for (const key of matching) assert.equal(await a.read(key), undefined);
  for (const key of others) assert.equal(payloadOf(await a.read(key)), 'v');
}
