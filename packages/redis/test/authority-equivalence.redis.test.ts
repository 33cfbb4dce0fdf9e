import fc from 'fast-check';
import {
  type FenceChange,
  floorBucket,
  type Invalidation,
  type Member,
  NOTHING,
  randomEpoch,
  type Snapshot,
  type StoreWrite,
} from 'tierwise/driver';
import { expect, inject, test } from 'vitest';
import { decodeEnvelope } from '../../core/src/wire/envelope.ts';
import { DAY_MS, LIFE_MS, modelSide, redisSide, type Side } from './support/authority-sides.ts';
import { openClient, uniqueName } from './support/caches.ts';
import { openRedisPartition } from './support/open-partition.ts';
import { envelopeOf } from './support/script-partition.ts';

const SEED = Number(process.env['SEED'] ?? randomSeed());

function randomSeed(): number {
  return Number.parseInt(randomEpoch().slice(0, 7), 16);
}

/** Few names, so that commands meet. */
const KEYS = ['k0', 'k1', 'a:k', 'a:b:k', 'c:k', '\0eu:a:k'];
const TAGS = ['red', 'green', 'blue:1'];
const PREFIXES = ['a:', 'a:b:', '\0eu:', '\0eu:a:'];
const PATTERNS = ['a:*', '*k', 'k?'];
const FENCES = ['f0', 'f1', 'f2'];
const MEMBERS = ['one', 'two', 'three'];

type Command =
  | { readonly kind: 'invalidate'; readonly what: Invalidation; readonly fence: FenceChange | undefined }
  | {
      readonly kind: 'fill' | 'set';
      readonly keys: readonly string[];
      readonly tags: readonly string[];
      readonly version: number | undefined;
      readonly epochsAgo: number;
      readonly lag: number;
    }
  | { readonly kind: 'tail'; readonly member: Member; readonly epochsAgo: number; readonly lag: number }
  | { readonly kind: 'renew' | 'run out'; readonly id: string }
  | { readonly kind: 'silence' | 'leave'; readonly id: string }
  | { readonly kind: 'collect'; readonly pattern: string }
  | { readonly kind: 'members' | 'forsake lease' | 'read' | 'lose state' | 'lose members' | 'grow old' };

const someOf = (names: readonly string[], minLength: number = 0) => fc.subarray([...names], { minLength });
const keys = fc.shuffledSubarray([...KEYS], { minLength: 1 });
const epochsAgo = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
);
const lag = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 12 }));
const member = fc.record({ id: fc.constantFrom(...MEMBERS), leaseMs: fc.constantFrom(2_000, 2_000, 5_000) });
const fenceId = fc.constantFrom(...FENCES);

const plain = fc.oneof(
  keys.map((names) => ({ ...NOTHING, keys: names })),
  fc.record({
    keys: fc.constant([]),
    tags: someOf(TAGS, 1),
    prefixes: someOf(PREFIXES),
    patterns: someOf(PATTERNS),
    clear: fc.boolean(),
  }),
);
const guarded = fc.record({
  keys: someOf(KEYS, 1),
  tags: someOf(TAGS),
  prefixes: someOf(PREFIXES),
  patterns: fc.constant([]),
  clear: fc.constant(false),
});
const close = fc.record({
  kind: fc.constant('close' as const),
  id: fenceId,
  lifeMs: fc.constant(LIFE_MS),
  isExclusive: fc.boolean(),
});
const lift = fc.record({ kind: fc.constant('lift' as const), id: fenceId });
const event = <W extends Invalidation, F extends FenceChange | undefined>(
  what: fc.Arbitrary<W>,
  fence: fc.Arbitrary<F>,
) => fc.record({ kind: fc.constant('invalidate' as const), what, fence });

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: event(plain, fc.constant(undefined)) },
  { weight: 2, arbitrary: event(guarded, close) },
  { weight: 1, arbitrary: event(guarded, lift) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('fill' as const, 'set' as const),
      keys,
      tags: someOf(TAGS),
      version: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
      epochsAgo,
      lag,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('tail' as const), member, epochsAgo, lag }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('renew' as const, 'run out' as const), id: fenceId }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('silence' as const, 'leave' as const),
      id: fc.constantFrom(...MEMBERS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('collect' as const), pattern: fc.constantFrom(...PATTERNS) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'members' as const,
        'forsake lease' as const,
        'read' as const,
        'lose state' as const,
        'lose members' as const,
        'grow old' as const,
      ),
    }),
  },
);

/** Runs a command on one side and tells what came of it in terms both sides share. */
async function apply(side: Side, step: Command, at: number): Promise<unknown> {
  const now = await side.now();
  const epochOf = (ago: number): string => side.epochs.at(-1 - ago) ?? '0'.repeat(32);
  const named = <R extends { epoch: string }>(reply: R) => ({ ...reply, epoch: indexOf(side, reply.epoch) });
  named(now);
  switch (step.kind) {
    case 'invalidate':
      return named(await side.invalidate(step.what, step.fence));
    case 'fill':
    case 'set': {
      const writes = writesOf(step, epochOf(step.epochsAgo), now.seq, at);
      return named(step.kind === 'fill' ? await side.fill(writes) : await side.set(writes));
    }
    case 'tail': {
      const applied = Math.max(0, now.seq - step.lag);
      const { snapshot, events, ...rest } = await side.tail(step.member, epochOf(step.epochsAgo), applied);
      const told = { ...named(rest), timeline: '', authorityMs: 0, events: events.map(named) };
      return { ...told, snapshot: snapshot && comparable(snapshot) };
    }
    case 'renew':
      return side.renewFence(step.id);
    case 'run out':
      return side.runOut(step.id);
    case 'silence':
      return side.silence(step.id);
    case 'leave':
      return side.leave(step.id);
    case 'lose members':
      return side.loseMembers();
    case 'grow old':
      return side.growOld();
    case 'forsake lease':
      return side.forsakeLease();
    case 'collect':
      await side.collect(step.pattern);
      return undefined;
    case 'members': {
      const { members, ageMs } = await side.members();
      const listed = members.map(({ id, applied, leaseMs }) => `${id} ${applied} ${leaseMs}`).sort();
      return { isYoung: ageMs < DAY_MS / 2, listed };
    }
    case 'read':
      return (await side.read(KEYS)).map((bytes) => readable(side, bytes));
    case 'lose state':
      return side.loseState();
  }
}

function indexOf(side: Side, epoch: string): number {
  if (!side.epochs.includes(epoch)) side.epochs.push(epoch);
  return side.epochs.indexOf(epoch);
}

function writesOf(step: Command & { kind: 'fill' | 'set' }, epoch: string, seq: number, at: number): StoreWrite[] {
  const lease = { epoch, seq: Math.max(0, seq - step.lag) };
  const header = { tags: step.tags, version: step.kind === 'set' ? step.version : undefined };
  return step.keys.map((key, index) => {
    // Every other one is large, and goes another way into the script.
    const payload = `written by step ${at}`.padEnd((at + index) % 2 === 0 ? 0 : 600, '.');
    return { key, lease, ttlMs: 0, bytes: envelopeOf({ key, epoch, lease: lease.seq, payload, header }) };
  });
}

/** A stored value as readers see it: nothing, where it is of another epoch. */
function readable(side: Side, bytes: Uint8Array | undefined): unknown {
  const envelope = bytes === undefined ? undefined : decodeEnvelope(bytes);
  if (typeof envelope !== 'object' || envelope.epoch !== side.epochs.at(-1)) return undefined;
  return { ...envelope, epoch: side.epochs.length, payload: String(Buffer.from(envelope.payload)) };
}

function comparable({ tags, prefixes, patterns, fences, clear, floors }: Snapshot): unknown {
  const sorted = (versions: ReadonlyMap<unknown, number>) => [...versions].map(String).sort();
  return {
    tags: sorted(tags),
    prefixes: sorted(prefixes),
    patterns: sorted(patterns),
    fences,
    clear,
    floors: sorted(floors),
  };
}

const CLOSED = { ...NOTHING, keys: ['k0'], tags: ['red'], prefixes: ['a:'] };
const CLOSE: Command = {
  kind: 'invalidate',
  what: CLOSED,
  fence: { kind: 'close', id: 'f0', lifeMs: LIFE_MS, isExclusive: true },
};
const FILL: Command = { kind: 'fill', keys: ['k0'], tags: [], version: undefined, epochsAgo: 0, lag: 1 };
const SNAPSHOT: Command = { kind: 'tail', member: { id: 'one', leaseMs: 2_000 }, epochsAgo: 5, lag: 0 };
const OTHER_LEASE: Command = { kind: 'tail', member: { id: 'two', leaseMs: 5_000 }, epochsAgo: 0, lag: 0 };

/** Stories that chance tells too rarely. */
const EXAMPLES: readonly Command[][] = [
  // A fence that ran out has forgotten what it covered.
  [CLOSE, { kind: 'run out', id: 'f0' }, FILL, SNAPSHOT],
  [CLOSE, { kind: 'run out', id: 'f0' }, { kind: 'renew', id: 'f0' }, SNAPSHOT],
  // The lease of members that are gone can be replaced.
  [SNAPSHOT, OTHER_LEASE, { kind: 'forsake lease' }, OTHER_LEASE, SNAPSHOT],
  [SNAPSHOT, { kind: 'lose state' }, OTHER_LEASE, SNAPSHOT],
];

test('the in-process authority and the scripts answer the same to the same commands', async () => {
  const client = openClient();
  const partition = await openRedisPartition(inject('redisUrl'), uniqueName());
  const run = fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40 }), async (steps) => {
    await client.del(...partition.names.state, partition.names.members);
    const model = modelSide(8_192);
    const real = redisSide(partition, client);
    for (const [at, step] of steps.entries()) {
      const [expected, answered] = [await apply(model, step, at), await apply(real, step, at)];
      expect(answered, `step ${at}: ${JSON.stringify(step)}`).toEqual(expected);
    }
  });
  await fc.assert(run, { seed: SEED, numRuns: 200, examples: EXAMPLES.map((steps) => [steps]) });
});

test('both take 256 closed fences and no more, until one is lifted or runs out', async () => {
  const partition = await openRedisPartition(inject('redisUrl'), uniqueName());
  const what = { ...NOTHING, keys: ['k'] };
  for (const side of [modelSide(8_192), redisSide(partition, openClient())]) {
    const closing = (id: string): FenceChange => ({ kind: 'close', id, lifeMs: LIFE_MS, isExclusive: false });
    for (let i = 1; i <= 256; i++) expect((await side.invalidate(what, closing(`f${i}`))).seq).toBe(i);
    await expect(side.invalidate(what, closing('more'))).rejects.toMatchObject({ code: 'REMOTE_REJECTED' });
    expect((await side.now()).seq).toBe(256);
    await side.invalidate(what, { kind: 'lift', id: 'f7' });
    await side.invalidate(what, closing('more'));
    await expect(side.invalidate(what, closing('again'))).rejects.toMatchObject({ code: 'REMOTE_REJECTED' });
    await side.runOut('f9');
    // Its end is an event, and then there is room.
    expect((await side.invalidate(what, closing('again'))).seq).toBe(260);
  }
});

test('however they prune, both know of every version at least what happened, and nothing that did not', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `tag${index}`);
  const pruning = await openRedisPartition(inject('redisUrl'), uniqueName(), { maxVersions: 16 });
  const client = openClient();
  const run = fc.asyncProperty(
    fc.array(fc.tuple(fc.subarray(names, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 3 })), {
      maxLength: 60,
    }),
    async (steps) => {
      await client.del(...pruning.names.state);
      const sides = [modelSide(16), redisSide(pruning, client)];
      const last = new Map<string, number>();
      for (const [index, [tags, kind]] of steps.entries()) {
        const patterns = kind === 0 ? tags.map((tag) => `*${tag}`) : [];
        for (const side of sides) await side.invalidate({ ...NOTHING, tags, patterns }, undefined);
        for (const name of [...tags, ...patterns]) last.set(name, index + 1);
      }
      for (const side of sides) {
        const { snapshot, seq } = await side.tail({ id: 'm', leaseMs: 2_000 }, undefined, 0);
        expect(snapshot).toBeDefined();
        if (snapshot === undefined) continue;
        expect(snapshot.tags.size).toBeLessThanOrEqual(16);
        for (const [tag, version] of snapshot.tags) expect(version).toBe(last.get(tag));
        for (const [pattern, version] of snapshot.patterns) expect(version).toBe(last.get(pattern));
        for (const name of names) {
          const known = snapshot.tags.get(name) ?? snapshot.floors.get(floorBucket('t', name)) ?? 0;
          expect(known).toBeGreaterThanOrEqual(last.get(name) ?? 0);
          expect(known).toBeLessThanOrEqual(seq);
          const voided = Math.max(snapshot.patterns.get(`*${name}`) ?? 0, snapshot.clear);
          expect(voided).toBeGreaterThanOrEqual(last.get(`*${name}`) ?? 0);
        }
        expect(snapshot.clear).toBeLessThanOrEqual(seq);
      }
    },
  );
  await fc.assert(run, { seed: SEED, numRuns: 30 });
});
