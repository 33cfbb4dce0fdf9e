import fc from 'fast-check';
import {
  floorBucket,
  type Invalidation,
  randomEpoch,
  type Snapshot,
  type StoreWrite,
  type TailReply,
} from 'tierwise/driver';
import { expect, inject, test } from 'vitest';
import { Authority } from '../../core/src/in-process/authority.ts';
import { decodeEnvelope } from '../../core/src/wire/envelope.ts';
import { openClient, uniqueName } from './support/caches.ts';
import { type OpenPartition, openRedisPartition } from './support/open-partition.ts';
import { envelopeOf } from './support/script-partition.ts';

const SEED = Number(process.env['SEED'] ?? randomSeed());
const LIMITS = { logEvents: 10_000, maxBytes: 1_000_000_000 };

function randomSeed(): number {
  return Number.parseInt(randomEpoch().slice(0, 7), 16);
}

/** Few keys, so that commands meet. */
const KEYS = Array.from({ length: 6 }, (_, index) => `k${index}`);
const TAGS = ['red', 'green', 'blue:1'];
const PREFIXES = ['a:', 'a:b:', 'c:'];

type Command =
  | { readonly kind: 'invalidate'; readonly what: Invalidation }
  | {
      readonly kind: 'fill' | 'set';
      readonly keys: readonly string[];
      readonly epochsAgo: number;
      readonly lag: number;
    }
  | { readonly kind: 'tail'; readonly epochsAgo: number; readonly lag: number }
  | { readonly kind: 'read' }
  | { readonly kind: 'lose state' };

const someOf = (names: readonly string[], minLength: number = 0) => fc.subarray([...names], { minLength });
const keys = fc.shuffledSubarray([...KEYS], { minLength: 1 });
const epochsAgo = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
);
const lag = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 12 }));

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('invalidate' as const),
      what: fc.oneof(
        fc.record({ keys, tags: fc.constant([]), prefixes: fc.constant([]), clear: fc.constant(false) }),
        fc.record({ keys: fc.constant([]), tags: someOf(TAGS, 1), prefixes: someOf(PREFIXES), clear: fc.boolean() }),
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('fill' as const, 'set' as const), keys, epochsAgo, lag }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tail' as const), epochsAgo, lag }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose state' as const) }) },
);

/** One of the two authorities, with epochs told by their order. */
interface Side {
  /** Epochs in the order they were met; a reply names them by index. */
  readonly epochs: string[];
  invalidate(what: Invalidation): Promise<{ epoch: string; seq: number }>;
  fill(writes: readonly StoreWrite[]): Promise<{ epoch: string; seq: number; outcomes: readonly string[] }>;
  set(writes: readonly StoreWrite[]): Promise<{ epoch: string; seq: number; stored: readonly boolean[] }>;
  tail(epoch: string | undefined, applied: number): Promise<TailReply>;
  read(names: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  loseState(): Promise<void>;
}

function modelSide(maxVersions: number): Side {
  const authority = new Authority({ randomEpoch, maxVersions, ...LIMITS });
  const nowMs = 1_000;
  return {
    epochs: [],
    invalidate: async (what) => authority.invalidate(what),
    fill: async (writes) => authority.fill(writes, nowMs),
    set: async (writes) => authority.set(writes, nowMs),
    tail: async (epoch, applied) => authority.tail({ epoch, applied }, nowMs),
    read: async (names) => authority.read(names, nowMs),
    loseState: async () => authority.restart(),
  };
}

function redisSide({ coordinator, store }: OpenPartition, loseState: () => Promise<void>): Side {
  return {
    epochs: [],
    invalidate: (what) => coordinator.invalidate(what),
    fill: (writes) => store.fill(writes),
    set: (writes) => store.set(writes),
    tail: (epoch, applied) => coordinator.tail({ epoch, applied }),
    read: async (names) => (await store.read(names)).values,
    loseState,
  };
}

/** Runs a command on one side and tells what came of it in terms both sides share. */
async function apply(side: Side, step: Command, at: number): Promise<unknown> {
  const now = await side.tail(undefined, 0);
  if (side.epochs.at(-1) !== now.epoch) side.epochs.push(now.epoch);
  const epochOf = (ago: number): string => side.epochs.at(-1 - ago) ?? '0'.repeat(32);
  const named = <R extends { epoch: string }>(reply: R) => ({ ...reply, epoch: side.epochs.indexOf(reply.epoch) });
  switch (step.kind) {
    case 'invalidate':
      return named(await side.invalidate(step.what));
    case 'fill':
    case 'set': {
      const epoch = epochOf(step.epochsAgo);
      const lease = { epoch, seq: Math.max(0, now.seq - step.lag) };
      const writes = step.keys.map((key) => ({
        key,
        lease,
        ttlMs: 0,
        bytes: envelopeOf({ key, epoch, lease: lease.seq, payload: `written by step ${at}` }),
      }));
      return named(step.kind === 'fill' ? await side.fill(writes) : await side.set(writes));
    }
    case 'tail': {
      const { snapshot, events, ...rest } = await side.tail(epochOf(step.epochsAgo), Math.max(0, now.seq - step.lag));
      const told = { ...named(rest), timeline: '', authorityMs: 0, events: events.map(named) };
      return { ...told, snapshot: snapshot && plain(snapshot) };
    }
    case 'read':
      return (await side.read(KEYS)).map((bytes) => readable(side, bytes));
    case 'lose state':
      return side.loseState();
  }
}

/** A stored value as readers see it: nothing, where it is of another epoch. */
function readable(side: Side, bytes: Uint8Array | undefined): unknown {
  const envelope = bytes === undefined ? undefined : decodeEnvelope(bytes);
  if (typeof envelope !== 'object' || envelope.epoch !== side.epochs.at(-1)) return undefined;
  return { ...envelope, epoch: side.epochs.length, payload: String(Buffer.from(envelope.payload)) };
}

function plain({ tags, prefixes, clear, floors }: Snapshot): unknown {
  const sorted = (versions: ReadonlyMap<unknown, number>) => [...versions].map(String).sort();
  return { tags: sorted(tags), prefixes: sorted(prefixes), clear, floors: sorted(floors) };
}

test('the in-process authority and the scripts answer the same to the same commands', async () => {
  const client = openClient();
  const partition = await openRedisPartition(inject('redisUrl'), uniqueName());
  const loseState = async (): Promise<void> => {
    await client.del(...partition.names.state);
  };
  const run = fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40 }), async (steps) => {
    await loseState();
    const model = modelSide(8_192);
    const real = redisSide(partition, loseState);
    for (const [at, step] of steps.entries()) {
      const [expected, answered] = [await apply(model, step, at), await apply(real, step, at)];
      expect(answered, `step ${at}: ${JSON.stringify(step)}`).toEqual(expected);
    }
  });
  await fc.assert(run, { seed: SEED, numRuns: 150 });
});

test('however they prune, both know of every version at least what happened, and nothing that did not', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `tag${index}`);
  const pruning = await openRedisPartition(inject('redisUrl'), uniqueName(), { maxVersions: 16 });
  const client = openClient();
  const run = fc.asyncProperty(
    fc.array(fc.subarray(names, { minLength: 1, maxLength: 3 }), { maxLength: 60 }),
    async (steps) => {
      await client.del(...pruning.names.state);
      const sides = [modelSide(16), redisSide(pruning, async () => {})];
      const last = new Map<string, number>();
      for (const [index, tags] of steps.entries()) {
        for (const side of sides) await side.invalidate({ keys: [], tags, prefixes: [], clear: false });
        for (const tag of tags) last.set(tag, index + 1);
      }
      for (const side of sides) {
        const { snapshot, seq } = await side.tail(undefined, 0);
        expect(snapshot).toBeDefined();
        if (snapshot === undefined) continue;
        expect(snapshot.tags.size).toBeLessThanOrEqual(16);
        for (const [tag, version] of snapshot.tags) expect(version).toBe(last.get(tag));
        for (const tag of names) {
          const known = snapshot.tags.get(tag) ?? snapshot.floors.get(floorBucket('t', tag)) ?? 0;
          expect(known).toBeGreaterThanOrEqual(last.get(tag) ?? 0);
          expect(known).toBeLessThanOrEqual(seq);
        }
      }
    },
  );
  await fc.assert(run, { seed: SEED, numRuns: 30 });
});
