import { describe, expect, test } from 'vitest';
import { decodeEnvelope } from '../../core/src/wire/envelope.ts';
import { openClient, uniqueName } from './support/caches.ts';
import { type EntryArgs, envelopeOf, ScriptPartition } from './support/script-partition.ts';
import { eventually } from './support/until.ts';

const EPOCH = 'e'.repeat(32);
const OTHER_EPOCH = 'd'.repeat(32);
const [STORED, FENCED, SUPERSEDED, VOIDED] = [1, 2, 3, 4];

/** A partition in which `events` events have happened, none of them on a key that tests use. */
async function partitionAt(events: number): Promise<ScriptPartition> {
  const partition = new ScriptPartition(openClient(), uniqueName());
  for (let i = 0; i < events; i++) await partition.invalidate({ tags: ['elsewhere'] }, EPOCH);
  return partition;
}

function entry(key: string, lease: number, more: Partial<EntryArgs> = {}): EntryArgs {
  return { key, lease, epoch: EPOCH, ...more };
}

/** Entries of every size around the one from which on an envelope is an argument of its own, small and large in turn. */
function entriesOfAllSizes(lease: number): EntryArgs[] {
  const sizes = [0, 5_000, 400, 452, 1, 453, 454, 455, 456, 100, 100_000, 512, 511, 2, 513];
  return sizes.map((size) =>
    entry(`size:${size}`, lease, { payload: 'x'.repeat(size), ttlMs: size === 1 ? 60_000 : 0 }),
  );
}

describe('fill-entries', () => {
  test('stores envelopes of any size beside one another', async () => {
    const partition = await partitionAt(1);
    const entries = entriesOfAllSizes(1);
    expect((await partition.fill(entries)).slice(3)).toEqual(entries.map(() => STORED));
    for (const each of entries) expect(await partition.stored(each.key)).toEqual(envelopeOf(each));
  });

  test('keeps the version of what it replaces, whatever the size', async () => {
    const partition = await partitionAt(1);
    for (const payload of ['small', 'large'.repeat(200)]) {
      const key = payload.slice(0, 5);
      await partition.set([entry(key, 1, { header: { version: 7 } })]);
      const lease = Number((await partition.state()).meta['seq']);
      await partition.fill([entry(key, lease, { payload, ttlMs: 60_000 })]);
      const stored = decodeEnvelope((await partition.stored(key)) ?? Buffer.alloc(0));
      expect(stored).toMatchObject({ version: 7, lease, payload: Buffer.from(payload) });
      expect(await partition.client.pttl(partition.names.entry(key))).toBeGreaterThan(50_000);
    }
  });

  test('stores the envelope as it is and takes no number', async () => {
    const partition = await partitionAt(3);
    const filled = entry('k', 3, { header: { tags: ['t'] } });

    expect(await partition.fill([filled])).toEqual(['OK', EPOCH, 3, STORED]);

    expect(await partition.stored('k')).toEqual(envelopeOf(filled));
    expect((await partition.state()).meta['seq']).toBe('3');
    expect((await partition.state()).log).toHaveLength(3);
  });

  test('refuses a lease older than the last event on its slot, and takes one as new', async () => {
    const partition = await partitionAt(3);
    await partition.invalidate({ keys: ['k'] });

    expect(await partition.fill([entry('k', 3)])).toEqual(['OK', EPOCH, 4, FENCED]);
    expect(await partition.stored('k')).toBeNull();
    expect(await partition.fill([entry('k', 4)])).toEqual(['OK', EPOCH, 4, STORED]);
  });

  test('refuses to replace an entry with a higher lease, and replaces one with the same', async () => {
    const partition = await partitionAt(5);
    await partition.fill([entry('k', 4, { payload: 'newer' })]);

    expect(await partition.fill([entry('k', 3, { payload: 'older' })])).toEqual(['OK', EPOCH, 5, SUPERSEDED]);
    expect(await partition.stored('k')).toEqual(envelopeOf(entry('k', 4, { payload: 'newer' })));
    expect(await partition.fill([entry('k', 4, { payload: 'again' })])).toEqual(['OK', EPOCH, 5, STORED]);
  });

  test('refuses leases of another epoch and of a future', async () => {
    const partition = await partitionAt(3);

    expect(await partition.fill([entry('k', 0, { epoch: OTHER_EPOCH })])).toEqual(['OK', EPOCH, 3, VOIDED]);
    expect(await partition.fill([entry('k', 4)])).toEqual(['OK', EPOCH, 3, VOIDED]);
    expect(await partition.stored('k')).toBeNull();
  });

  test('replaces whatever is no entry of this epoch', async () => {
    const partition = await partitionAt(3);
    const foreign = {
      dead: envelopeOf(entry('dead', 999, { epoch: OTHER_EPOCH })),
      text: Buffer.from('x'.repeat(100)),
      short: Buffer.from([1, 0x74]),
      newer: Buffer.concat([Buffer.from([2, 0x74]), envelopeOf(entry('newer', 999)).subarray(2)]),
    };
    for (const [key, bytes] of Object.entries(foreign)) await partition.client.set(partition.names.entry(key), bytes);

    const keys = Object.keys(foreign);
    expect(await partition.fill(keys.map((key) => entry(key, 2)))).toEqual(['OK', EPOCH, 3, ...keys.map(() => STORED)]);
  });

  test('an entry lives as long as it was given, or for ever', async () => {
    const partition = await partitionAt(1);
    await partition.fill([entry('short', 1, { ttlMs: 60_000 }), entry('ever', 1)]);

    const { client, names } = partition;
    expect(await client.pttl(names.entry('short'))).toBeGreaterThan(50_000);
    expect(await client.pttl(names.entry('short'))).toBeLessThanOrEqual(60_000);
    expect(await client.pttl(names.entry('ever'))).toBe(-1);
  });

  test('judges each entry of a call by itself', async () => {
    const partition = await partitionAt(2);
    await partition.fill([entry('held', 2)]);
    await partition.invalidate({ keys: ['deleted'] });

    const reply = await partition.fill([entry('deleted', 2), entry('free', 2), entry('held', 1), entry('late', 9)]);

    expect(reply).toEqual(['OK', EPOCH, 3, FENCED, STORED, SUPERSEDED, VOIDED]);
    expect(await partition.stored('free')).not.toBeNull();
    expect(await partition.stored('deleted')).toBeNull();
  });
});

describe('set-entries', () => {
  test('writes its own number into the envelope and changes no other byte', async () => {
    const partition = await partitionAt(300);
    const set = entry('k', 300, { payload: 'value', header: { tags: ['t', 'ü'], expiresAtMs: 1_900_000_000_000 } });

    expect(await partition.set([set])).toEqual(['OK', EPOCH, 301, 1]);

    const stored = await partition.stored('k');
    expect(stored).toEqual(envelopeOf({ ...set, header: { ...set.header, seq: 301 } }));
    expect(decodeEnvelope(stored ?? Buffer.alloc(0))).toMatchObject({ lease: 300, seq: 301, tags: ['t', 'ü'] });
  });

  test.each([
    ['newest', [4]],
    ['last but one', [3]],
    ['newest and older ones in turn', [4, 3, 4]],
  ])('does so in envelopes of any size beside one another, of leases that are the %s', async (_which, leases) => {
    const partition = await partitionAt(4);
    const entries = entriesOfAllSizes(4).map((each, index) => ({
      ...each,
      lease: leases[index % leases.length] as number,
    }));
    expect((await partition.set(entries)).slice(3)).toEqual(entries.map(() => 1));
    for (const each of entries) {
      expect(await partition.stored(each.key)).toEqual(envelopeOf({ ...each, header: { seq: 5 } }));
      const isBounded = (await partition.client.pttl(partition.names.entry(each.key))) > 0;
      expect(isBounded).toBe(each.ttlMs === 60_000);
    }
  });

  test('judges large envelopes by their tags as well as small ones', async () => {
    const partition = await partitionAt(1);
    const fence = { kind: 'close', id: 'f', lifeMs: 60_000, isExclusive: false } as const;
    await partition.invalidate({ tags: ['closed'] }, EPOCH, fence);
    const written = ['small', 'large'.repeat(200)].flatMap((payload) =>
      ['closed', 'open'].map((tag) =>
        entry(`${payload.length}:${tag}`, 2, { payload, header: { tags: ['other', tag] } }),
      ),
    );
    expect(await partition.fill(written)).toEqual(['OK', EPOCH, 2, FENCED, STORED, FENCED, STORED]);
    expect(await partition.set(written)).toEqual(['OK', EPOCH, 3, 2, 1, 2, 1]);
  });

  test('is one event for all its keys: fences, log and message', async () => {
    const partition = await partitionAt(1);
    const messages: string[] = [];
    const subscriber = openClient();
    subscriber.on('message', (_channel, text) => messages.push(text));
    await subscriber.subscribe(partition.names.channel);

    expect(await partition.set([entry('a', 1), entry('b', 1)])).toEqual(['OK', EPOCH, 2, 1, 1]);
    await partition.invalidate({ clear: true });

    await eventually(() => messages.length).toBe(2);
    expect(messages[0]).toBe(`1 ${EPOCH} 2 {"k":["a","b"]}`);
    expect((await partition.state()).log[1]).toEqual(['2-0', '{"k":["a","b"]}']);
    expect(await partition.fill([entry('a', 1), entry('b', 1)])).toEqual(['OK', EPOCH, 3, FENCED, FENCED]);
  });

  test('what is refused becomes an invalidation, in the same event', async () => {
    const partition = await partitionAt(2);
    await partition.fill([entry('conflict', 2, { payload: 'old' })]);
    await partition.set([entry('conflict', 2, { payload: 'first' })]);

    const reply = await partition.set([entry('free', 2), entry('conflict', 2, { payload: 'second' })]);

    expect(reply).toEqual(['OK', EPOCH, 4, 1, 2]);
    expect(await partition.stored('conflict')).toBeNull();
    expect(await partition.stored('free')).not.toBeNull();
    expect((await partition.state()).log.at(-1)).toEqual(['4-0', '{"k":["free","conflict"]}']);
    expect(await partition.fill([entry('conflict', 3)])).toEqual(['OK', EPOCH, 4, FENCED]);
  });

  // A lease of the last number has nothing newer to be held against, but versions and closed fences are no matter of age.
  test('with the newest lease, too, is held against versions and closed fences', async () => {
    const partition = await partitionAt(1);
    await partition.set([entry('k', 1, { header: { version: 7 } })]);
    expect(await partition.set([entry('k', 2, { header: { version: 6 } })])).toEqual(['OK', EPOCH, 2, 3]);

    const fence = { kind: 'close', id: 'f', lifeMs: 60_000, isExclusive: false } as const;
    await partition.invalidate({ keys: ['closed'] }, EPOCH, fence);
    expect(await partition.set([entry('closed', 3), entry('open', 3)])).toEqual(['OK', EPOCH, 4, 2, 1]);
    expect(await partition.stored('closed')).toBeNull();
  });

  test.each([
    ['of another epoch', entry('k', 2, { epoch: OTHER_EPOCH })],
    ['of another epoch and older', entry('k', 1, { epoch: OTHER_EPOCH })],
    ['of a future', entry('k', 99)],
  ])('a lease %s invalidates', async (_what, write) => {
    const partition = await partitionAt(2);
    await partition.fill([entry('k', 2)]);

    expect(await partition.set([write])).toEqual(['OK', EPOCH, 3, 2]);
    expect(await partition.stored('k')).toBeNull();
  });

  test('an entry that is set lives as long as it was given, or for ever', async () => {
    const partition = await partitionAt(1);
    await partition.set([entry('short', 1, { ttlMs: 60_000 }), entry('ever', 1)]);

    const { client, names } = partition;
    expect(await client.pttl(names.entry('short'))).toBeGreaterThan(50_000);
    expect(await client.pttl(names.entry('ever'))).toBe(-1);
  });

  test('takes the most entries a call may have', async () => {
    const partition = await partitionAt(1);
    const entries = Array.from({ length: 500 }, (_, index) => entry(`key:${index}`, 1));

    const reply = await partition.set(entries);

    expect(reply.slice(0, 3)).toEqual(['OK', EPOCH, 2]);
    expect(reply.slice(3)).toEqual(entries.map(() => 1));
    expect((await partition.fill(entries.map(({ key }) => entry(key, 2)))).slice(3)).toEqual(entries.map(() => STORED));
  });
});
