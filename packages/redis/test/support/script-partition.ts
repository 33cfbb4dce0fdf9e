import type { Redis } from 'ioredis';
import {
  type FenceChange,
  type Invalidation,
  type Member,
  NOTHING,
  randomEpoch,
  type StoreWrite,
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
import { OwnEvents } from '../../src/own-events.ts';
import {
  fillArgs,
  invalidateArgs,
  type ScriptArg,
  type ScriptContext,
  setArgs,
  tailArgs,
} from '../../src/script-args.ts';

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
    const args = invalidateArgs(this.#context, event, fence);
    return this.run(INVALIDATE_NAMES, event.keys, [this.timeline, newEpoch, ...args]);
  }

  renewFence(id: string, lifeMs: number, newEpoch: string = randomEpoch()): Promise<Reply> {
    return this.run(RENEW_FENCE, [], [this.timeline, newEpoch, id, lifeMs]);
  }

  members(newEpoch: string = randomEpoch()): Promise<Reply> {
    return this.#runOn([...this.names.state, this.names.members], READ_MEMBERS, [this.timeline, newEpoch]);
  }

  /** With the outcomes as so many numbers. */
  async fill(entries: readonly EntryArgs[], newEpoch: string = randomEpoch()): Promise<Reply> {
    const keys = entries.map(({ key }) => key);
    return withNumbers(
      await this.run(FILL_ENTRIES, keys, [this.timeline, newEpoch, ...fillArgs(entries.map(toWrite))]),
    );
  }

  /** With the outcomes as so many numbers. */
  async set(entries: readonly EntryArgs[], newEpoch: string = randomEpoch()): Promise<Reply> {
    const keys = entries.map(({ key }) => key);
    const args = setArgs(this.#context, entries.map(toWrite));
    return withNumbers(await this.run(SET_ENTRIES, keys, [this.timeline, newEpoch, ...args]));
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
    const args = tailArgs({ member, epoch, applied }, maxEvents, 0);
    return this.#runOn([...this.names.state, this.names.members], READ_TAIL, [this.timeline, newEpoch, ...args]);
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

  async run(script: LuaScript, keys: readonly string[], args: readonly ScriptArg[]): Promise<Reply> {
    return this.#runOn([...this.names.state, ...keys.map((key) => this.names.entry(key))], script, args);
  }

  get #context(): ScriptContext {
    return { names: this.names, publishCommand: 'PUBLISH', ownEvents: new OwnEvents(), ...this.#options };
  }

  async #runOn(all: readonly string[], script: LuaScript, args: readonly ScriptArg[]): Promise<Reply> {
    return (await this.client.eval(script.source, all.length, ...all, ...args)) as Reply;
  }
}

function withNumbers(reply: Reply): Reply {
  const [status, epoch, seq, outcomes] = reply;
  return status === 'OK' ? [status, epoch, seq, ...Array.from(String(outcomes), Number)] : reply;
}

function toWrite(entry: EntryArgs): StoreWrite {
  const { key, epoch, lease, ttlMs = 0 } = entry;
  return { key, lease: { epoch, seq: lease }, ttlMs, bytes: envelopeOf(entry) };
}

export function envelopeOf({ epoch, lease, payload = 'payload', header }: EntryArgs): Buffer {
  return encodeEnvelope(
    { codecId: 1, epoch, lease, seq: 0, expiresAtMs: 0, version: undefined, tags: [], ...header },
    Buffer.from(payload),
  );
}
