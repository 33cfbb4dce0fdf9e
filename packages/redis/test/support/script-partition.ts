import type { Redis } from 'ioredis';
import {
  encodeEvent,
  type FenceChange,
  fenceSlot,
  floorBucket,
  type Invalidation,
  type Member,
  NOTHING,
  randomEpoch,
} from 'tierwise/driver';
import { type EnvelopeHeader, encodeEnvelope } from '../../../core/src/wire/envelope.ts';
import {
  ADOPT_TIMELINE,
  FILL_ENTRIES,
  INVALIDATE_NAMES,
  type LuaScript,
  READ_MEMBERS,
  READ_TAIL,
  RENEW_FENCE,
  SET_ENTRIES,
} from '../../src/lua/scripts.generated.ts';
import { Names } from '../../src/names.ts';

/** One entry on its way into a script. */
export interface EntryArgs {
  readonly key: string;
  readonly epoch: string;
  readonly lease: number;
  readonly ttlMs?: number;
  readonly payload?: string;
  readonly header?: Partial<EnvelopeHeader>;
}

export interface PartitionOptions {
  readonly logEvents?: number;
  readonly maxVersions?: number;
}

export interface PartitionState {
  readonly meta: Record<string, string>;
  readonly fence: Record<string, string>;
  /** Stream id and event text. */
  readonly log: readonly (readonly [string, string])[];
}

type Reply = readonly unknown[];

const SEQ_OFFSET = 16;

/** The scripts of one partition, called without anything between: arguments as given, replies as they come. */
export class ScriptPartition {
  readonly client: Redis;
  readonly names: Names;
  /** What calls pass as the timeline of their connection. */
  timeline = 'a'.repeat(40);
  readonly #options: Required<PartitionOptions>;

  constructor(client: Redis, cacheName: string, options: PartitionOptions = {}) {
    this.client = client;
    this.names = new Names({ cacheName, keyPrefix: '', database: 0, partition: undefined });
    this.#options = { logEvents: 10_000, maxVersions: 8_192, ...options };
  }

  invalidate(what: Partial<Invalidation>, newEpoch: string = randomEpoch(), fence?: FenceChange): Promise<Reply> {
    const event = { ...NOTHING, ...what };
    const versions = [
      ...event.tags.map((tag) => `t:${floorBucket('t', tag)}:${tag}`),
      ...event.prefixes.map((prefix) => `p:${floorBucket('p', prefix)}:${prefix}`),
      ...event.patterns.map((pattern) => `g:0:${pattern}`),
    ];
    return this.run(INVALIDATE_NAMES, event.keys, [
      ...[this.timeline, newEpoch, 'PUBLISH', this.names.channel, encodeEvent(event, fence)],
      ...[this.#options.logEvents, this.#options.maxVersions, event.clear ? 1 : 0],
      ...[fence?.kind ?? '', fence?.id ?? '', fence?.kind === 'close' ? fence.lifeMs : 0],
      fence?.kind === 'close' ? this.#fenceText(event, versions, fence) : '',
      versions.length,
      ...versions,
      ...event.keys.map(fenceSlot),
    ]);
  }

  renewFence(id: string, lifeMs: number, newEpoch: string = randomEpoch()): Promise<Reply> {
    return this.run(RENEW_FENCE, [], [this.timeline, newEpoch, id, lifeMs]);
  }

  members(newEpoch: string = randomEpoch()): Promise<Reply> {
    return this.#runOn([...this.names.state, this.names.members], READ_MEMBERS, [this.timeline, newEpoch]);
  }

  fill(entries: readonly EntryArgs[], newEpoch: string = randomEpoch()): Promise<Reply> {
    const epoch = entries[0]?.epoch ?? '';
    return this.run(
      FILL_ENTRIES,
      entries.map(({ key }) => key),
      [
        ...[this.timeline, newEpoch, epoch, Buffer.from(epoch, 'hex')],
        ...entries.flatMap((entry) => [fenceSlot(entry.key), entry.lease, entry.ttlMs ?? 0, envelopeOf(entry)]),
      ],
    );
  }

  set(entries: readonly EntryArgs[], newEpoch: string = randomEpoch()): Promise<Reply> {
    const epoch = entries[0]?.epoch ?? '';
    const keys = entries.map(({ key }) => key);
    return this.run(SET_ENTRIES, keys, [
      ...[this.timeline, newEpoch, 'PUBLISH', this.names.channel, encodeEvent({ ...NOTHING, keys })],
      ...[this.#options.logEvents, epoch, Buffer.from(epoch, 'hex')],
      ...entries.flatMap((entry) => {
        const envelope = envelopeOf(entry);
        const parts = [envelope.subarray(0, SEQ_OFFSET), envelope.subarray(SEQ_OFFSET + 8)];
        return [fenceSlot(entry.key), entry.lease, entry.ttlMs ?? 0, ...parts];
      }),
    ]);
  }

  tail(epoch: string, applied: number, maxEvents: number = 1_000, newEpoch: string = randomEpoch()): Promise<Reply> {
    return this.tailAs({ id: 'member', leaseMs: 2_000 }, epoch, applied, maxEvents, newEpoch);
  }

  tailAs(
    member: Member,
    epoch: string,
    applied: number,
    maxEvents: number = 1_000,
    newEpoch: string = randomEpoch(),
  ): Promise<Reply> {
    const args = [this.timeline, newEpoch, epoch, applied, maxEvents, member.id, member.leaseMs, 0];
    return this.#runOn([...this.names.state, this.names.members], READ_TAIL, args);
  }

  adopt(fromTimeline: string, newEpoch: string, toTimeline: string): Promise<Reply> {
    return this.run(ADOPT_TIMELINE, [], [fromTimeline, newEpoch, toTimeline]);
  }

  /** Everything the partition keeps beside its entries. */
  async state(): Promise<PartitionState> {
    const [meta, fence, log] = this.names.state;
    const entries = await this.client.xrange(log, '-', '+');
    return {
      meta: await this.client.hgetall(meta),
      fence: await this.client.hgetall(fence),
      log: entries.map(([id, fields]) => [id, fields[1] as string]),
    };
  }

  /** The stored envelope of a key. */
  stored(key: string): Promise<Buffer | null> {
    return this.client.getBuffer(this.names.entry(key));
  }

  async run(script: LuaScript, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<Reply> {
    return this.#runOn([...this.names.state, ...keys.map((key) => this.names.entry(key))], script, args);
  }

  /** What ends a fence, as `shared/lift-expired.lua` wants it. */
  #fenceText(event: Invalidation, versions: readonly string[], fence: FenceChange & { kind: 'close' }): string {
    const { keys, tags, prefixes } = event;
    return JSON.stringify({
      ...{ i: fence.id, x: fence.isExclusive ? 1 : 0, k: keys, t: tags, p: prefixes },
      ...{ n: keys.map((key) => this.names.entry(key)), s: keys.map(fenceSlot) },
      ...{ P: prefixes.map((prefix) => this.names.entry(prefix)), v: versions, l: this.#options.maxVersions },
      ...{ b: 'PUBLISH', c: this.names.channel, m: this.#options.logEvents },
      e: encodeEvent(event, { kind: 'lift', id: fence.id }),
    });
  }

  async #runOn(all: readonly string[], script: LuaScript, args: readonly (string | number | Buffer)[]): Promise<Reply> {
    return (await this.client.eval(script.source, all.length, ...all, ...args)) as Reply;
  }
}

export function envelopeOf({ epoch, lease, payload = 'payload', header }: EntryArgs): Buffer {
  return encodeEnvelope(
    { codecId: 1, epoch, lease, seq: 0, expiresAtMs: 0, version: undefined, tags: [], ...header },
    Buffer.from(payload),
  );
}
