import {
  CacheError,
  type Coordinator,
  type CoordinatorListener,
  decodeEvent,
  encodeEvent,
  fenceSlot,
  floorBucket,
  type Invalidation,
  type SequencedEvent,
  type SequencedReply,
  type Snapshot,
  type TailReply,
  type TailRequest,
} from 'tierwise/driver';
import { INVALIDATE_NAMES, READ_TAIL } from './lua/scripts.generated.ts';
import type { PartitionLinks } from './partition-links.ts';
import { runScript } from './scripts.ts';

/** Events one tail brings at most; an instance further behind asks again. */
const TAIL_EVENTS = 1_000;

export interface RedisCoordinatorOptions {
  readonly links: PartitionLinks;
  readonly logEvents: number;
  readonly maxVersions: number;
}

/** The coherence authority of one partition, on Redis: every step one Lua script. */
export class RedisCoordinator implements Coordinator {
  readonly #links: PartitionLinks;
  readonly #logEvents: number;
  readonly #maxVersions: number;

  constructor(options: RedisCoordinatorOptions) {
    this.#links = options.links;
    this.#logEvents = options.logEvents;
    this.#maxVersions = options.maxVersions;
  }

  listen(listener: CoordinatorListener): void {
    this.#links.open(listener);
  }

  async tail(request: TailRequest): Promise<TailReply> {
    const { tail, names } = this.#links;
    const args = [request.epoch ?? '', request.applied, TAIL_EVENTS];
    const reply = await runScript(tail, names.state, READ_TAIL, [], args);
    const { timeline } = tail;
    if (timeline === undefined) throw new CacheError('REMOTE_UNAVAILABLE', 'the connection to Redis ended');
    void this.#links.unite();
    return { ...parseTail(reply), timeline };
  }

  async invalidate(invalidation: Invalidation): Promise<SequencedReply> {
    const { commands, names, publishCommand } = this.#links;
    const { keys, tags, prefixes, clear } = invalidation;
    const versions = [
      ...tags.map((tag) => `t:${floorBucket('t', tag)}:${tag}`),
      ...prefixes.map((prefix) => `p:${floorBucket('p', prefix)}:${prefix}`),
    ];
    const [epoch, seq] = await runScript(
      commands,
      names.state,
      INVALIDATE_NAMES,
      keys.map((key) => names.entry(key)),
      [
        publishCommand,
        names.channel,
        encodeEvent(invalidation),
        this.#logEvents,
        this.#maxVersions,
        clear ? 1 : 0,
        versions.length,
        ...versions,
        ...keys.map(fenceSlot),
      ],
    );
    return { epoch: String(epoch), seq: Number(seq) };
  }
}

function parseTail(reply: readonly unknown[]): Omit<TailReply, 'timeline'> {
  const [epochText, seq, authorityMs, kind, ...rest] = reply;
  const epoch = String(epochText);
  const base = { epoch, seq: Number(seq), authorityMs: Number(authorityMs) };
  if (kind === 'SNAPSHOT') return { ...base, events: [], snapshot: parseSnapshot(rest.map(String)) };
  const [first, ...texts] = rest;
  const events = texts.map(
    (text, index): SequencedEvent => ({ epoch, seq: Number(first) + index, invalidation: decodeEvent(String(text)) }),
  );
  return { ...base, events, snapshot: undefined };
}

/** Reads `meta`: versions are `t:bucket:tag` and `p:bucket:prefix`, floors `f:bucket`, the whole cache `clear`. */
function parseSnapshot(fields: readonly string[]): Snapshot {
  const tags = new Map<string, number>();
  const prefixes = new Map<string, number>();
  const floors = new Map<number, number>();
  let clear = 0;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i] as string;
    const seq = Number(fields[i + 1]);
    const name = field.slice(field.indexOf(':', 2) + 1);
    if (field.startsWith('t:')) tags.set(name, seq);
    else if (field.startsWith('p:')) prefixes.set(name, seq);
    else if (field.startsWith('f:')) floors.set(Number(field.slice(2)), seq);
    else if (field === 'clear') clear = seq;
  }
  return { tags, prefixes, clear, floors };
}
