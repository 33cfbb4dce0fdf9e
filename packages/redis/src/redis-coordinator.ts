import {
  CacheError,
  type ClosedFence,
  type Coordinator,
  type CoordinatorListener,
  decodeEvent,
  type FenceChange,
  type Invalidation,
  type MemberStatus,
  type MembersReply,
  type SequencedEvent,
  type SequencedReply,
  type Snapshot,
  type TailReply,
  type TailRequest,
} from 'tierwise/driver';
import { INVALIDATE_NAMES, READ_MEMBERS, READ_TAIL, RENEW_FENCE } from './lua/scripts.generated.ts';
import type { PartitionLinks } from './partition-links.ts';
import { invalidateArgs, tailArgs } from './script-args.ts';
import { runScript } from './scripts.ts';

/** Events one tail brings at most; an instance further behind asks again. */
const TAIL_EVENTS = 1_000;

/** A field of `fence` that is a slot. */
const SLOT = /^\d+$/;

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
    const { tail, names, layout, index } = this.#links;
    const { claim } = layout;
    const args = tailArgs(request, TAIL_EVENTS, claim);
    const reply = await runScript(tail, names.state, READ_TAIL, [names.members], args);
    const { timeline } = tail;
    if (timeline === undefined) throw new CacheError('REMOTE_UNAVAILABLE', 'the connection to Redis ended');
    void this.#links.unite();
    layout.note(index, reply[4] === 'LAYOUT' ? Number(reply[5]) : undefined, claim);
    return { ...parseTail(reply), timeline };
  }

  get channel(): string {
    return this.#links.names.channel;
  }

  async invalidate(
    invalidation: Invalidation,
    fence: FenceChange | undefined,
    origins: readonly string[] = [],
  ): Promise<SequencedReply> {
    const { commands, names, publishCommand, ownEvents } = this.#links;
    const context = { names, publishCommand, ownEvents, logEvents: this.#logEvents, maxVersions: this.#maxVersions };
    const [epoch, seq] = await runScript(
      commands,
      names.state,
      INVALIDATE_NAMES,
      invalidation.keys.map((key) => names.entry(key)),
      invalidateArgs(context, invalidation, fence, origins),
    );
    return { epoch: String(epoch), seq: Number(seq) };
  }

  renewBus(): void {
    this.#links.renewBus();
  }

  async renewFence(id: string, lifeMs: number): Promise<boolean> {
    const { commands, names } = this.#links;
    const [isRenewed] = await runScript(commands, names.state, RENEW_FENCE, [], [id, lifeMs]);
    return Number(isRenewed) === 1;
  }

  async members(): Promise<MembersReply> {
    const { commands, names } = this.#links;
    const [ageMs, ...facts] = await runScript(commands, names.state, READ_MEMBERS, [names.members], []);
    const members: MemberStatus[] = [];
    for (let i = 0; i + 3 < facts.length; i += 4) {
      const [id, applied, leaseMs, silentMs] = facts.slice(i, i + 4);
      members.push({ id: String(id), applied: Number(applied), leaseMs: Number(leaseMs), silentMs: Number(silentMs) });
    }
    return { members, ageMs: Number(ageMs) };
  }

  async leave(memberId: string): Promise<void> {
    const { tail, names } = this.#links;
    // On the connection of the tails, so that none sent before can list the member again.
    await tail.run((client) => client.hdel(names.members, memberId));
  }
}

function parseTail(reply: readonly unknown[]): Omit<TailReply, 'timeline'> {
  const [epochText, seq, authorityMs, conflict, kind, ...rest] = reply;
  const epoch = String(epochText);
  const conflictingLeaseMs = Number(conflict) === 0 ? undefined : Number(conflict);
  const base = { epoch, seq: Number(seq), authorityMs: Number(authorityMs), conflictingLeaseMs };
  if (kind === 'SNAPSHOT') return { ...base, events: [], snapshot: parseSnapshot(rest.map(String)) };
  const [first, ...texts] = rest;
  const events = texts.map(
    (text, index): SequencedEvent => ({ epoch, seq: Number(first) + index, ...decodeEvent(String(text)) }),
  );
  return { ...base, events, snapshot: undefined };
}

/**
 * Reads `meta`, and `fence` where it was asked for: slots are numbers, versions are `t:bucket:tag`, `p:bucket:prefix` and `g:0:pattern`, floors `f:bucket`, the whole cache `clear`,
 * closed fences `fences`.
 */
function parseSnapshot(fields: readonly string[]): Snapshot {
  const tags = new Map<string, number>();
  const prefixes = new Map<string, number>();
  const patterns = new Map<string, number>();
  const floors = new Map<number, number>();
  const slots = new Map<number, number>();
  let fences: readonly ClosedFence[] = [];
  let clear = 0;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i] as string;
    const seq = Number(fields[i + 1]);
    const name = field.slice(field.indexOf(':', 2) + 1);
    if (field.startsWith('t:')) tags.set(name, seq);
    else if (field.startsWith('p:')) prefixes.set(name, seq);
    else if (field.startsWith('g:')) patterns.set(name, seq);
    else if (field.startsWith('f:')) floors.set(Number(field.slice(2)), seq);
    else if (field === 'clear') clear = seq;
    else if (SLOT.test(field)) slots.set(Number(field), seq);
    else if (field === 'fences') fences = parseFences(fields[i + 1] as string);
  }
  return { tags, prefixes, patterns, fences, clear, floors, slots };
}

function parseFences(text: string): ClosedFence[] {
  const fences = JSON.parse(text) as { i: string; x: number; k: unknown; t: unknown; p: unknown }[];
  return fences.map(({ i, x, k, t, p }) => ({
    id: i,
    isExclusive: x === 1,
    keys: toList(k),
    tags: toList(t),
    prefixes: toList(p),
  }));
}

/** Lua writes an empty list as an empty object. */
function toList(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}
