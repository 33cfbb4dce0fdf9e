import {
  type Authority,
  CacheError,
  decodeEvent,
  encodeEvent,
  fenceSlot,
  floorBucket,
  type StoreWrite,
  splitOrigins,
  type TailReply,
} from 'tierwise/driver';

/** One call of a Lua script as it arrives at the server. */
export interface ScriptCall {
  /** Name of the file in `packages/redis/src/lua`, without its ending. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
}

export interface ScriptWatch {
  /** A fill or set left this entry in the store, in the place of `before`; `ownSeq` is 0 for a fill. */
  onStored(key: string, bytes: Uint8Array, ownSeq: number, before: Uint8Array | undefined): void;
  /** A set was refused because what is stored has a higher version, and others of its call made an event. */
  onOutdated(key: string, bytes: Uint8Array, ownSeq: number): void;
}

const FILL_OUTCOMES = ['stored', 'fenced', 'superseded', 'voided'];
const SET_OUTCOMES = ['stored', 'conflicted', 'outdated'];

/**
 * Answers a script of `@tierwise/redis` from an `Authority`, reply for reply as the Lua text would: the model that the
 * simulator runs on. The authority itself is held to the scripts by `packages/redis/test/authority-equivalence.redis.test.ts`.
 */
export function runScriptModel(authority: Authority, call: ScriptCall, nowMs: number, watch: ScriptWatch): unknown[] {
  const { name, args } = call;
  const [timeline, epoch] = [String(args[0]), String(args[1])];
  if (name === 'adopt-timeline') return ['OK', authority.adopt(timeline, epoch, String(args[2]), nowMs)];
  const other = authority.open(timeline, epoch, nowMs);
  if (other !== undefined) return ['TIMELINE', other];
  switch (name) {
    case 'invalidate-names':
      return invalidate(authority, String(args[4]), nowMs);
    case 'renew-fence':
      return ['OK', authority.renewFence(String(args[2]), Number(args[3]), nowMs) ? 1 : 0];
    case 'read-members': {
      const { members, ageMs } = authority.members(nowMs);
      const facts = members.flatMap(({ id, applied, leaseMs, silentMs }) => [
        id,
        applied,
        leaseMs,
        Math.floor(silentMs),
      ]);
      return ['OK', Math.floor(ageMs), ...facts];
    }
    case 'fill-entries':
      return fill(authority, call, nowMs, watch);
    case 'set-entries':
      return set(authority, call, nowMs, watch);
    case 'read-tail':
      return tail(authority, call, nowMs);
    default:
      throw new Error(`the model does not know the script ${name}`);
  }
}

function invalidate(authority: Authority, event: string, nowMs: number): unknown[] {
  const { eventText, origins } = splitOrigins(event);
  const { invalidation, fence } = decodeEvent(eventText);
  try {
    const { epoch, seq } = authority.invalidate(invalidation, fence, nowMs, origins);
    return ['OK', epoch, seq];
  } catch (error) {
    if (CacheError.is(error)) return ['FULL'];
    throw error;
  }
}

function fill(authority: Authority, { keys, args }: ScriptCall, nowMs: number, watch: ScriptWatch): unknown[] {
  const writes = unpackEntries(entryKeys(keys), String(args[2]), args.slice(4));
  const before = authority.read(keysOf(writes), nowMs);
  const reply = authority.fill(writes, nowMs);
  for (const [index, write] of writes.entries()) {
    if (reply.outcomes[index] === 'stored') watch.onStored(write.key, write.bytes, 0, before[index]);
  }
  return ['OK', reply.epoch, reply.seq, digits(reply.outcomes, FILL_OUTCOMES)];
}

function set(authority: Authority, { keys, args }: ScriptCall, nowMs: number, watch: ScriptWatch): unknown[] {
  const writes = unpackEntries(entryKeys(keys), String(args[6]), args.slice(8));
  const before = authority.read(keysOf(writes), nowMs);
  const { origins } = splitOrigins(String(args[4]));
  const reply = authority.set(writes, nowMs, origins);
  const isEvent = reply.outcomes.some((outcome) => outcome !== 'outdated');
  for (const [index, write] of writes.entries()) {
    if (reply.outcomes[index] === 'stored') watch.onStored(write.key, write.bytes, reply.seq, before[index]);
    if (reply.outcomes[index] === 'outdated' && isEvent) watch.onOutdated(write.key, write.bytes, reply.seq);
  }
  return ['OK', reply.epoch, reply.seq, digits(reply.outcomes, SET_OUTCOMES)];
}

function tail(authority: Authority, { args }: ScriptCall, nowMs: number): unknown[] {
  const viewEpoch = String(args[2]);
  const applied = Number(args[3]);
  const member = { id: String(args[5]), leaseMs: Number(args[6]) };
  const epoch = viewEpoch === '' ? undefined : viewEpoch;
  const reply = authority.tail({ member, epoch, applied, withSlots: Number(args[8]) === 1 }, nowMs);
  const time = String(Math.floor(reply.authorityMs));
  const head = ['OK', reply.epoch, reply.seq, time, reply.conflictingLeaseMs ?? 0];
  if (reply.snapshot !== undefined) return [...head, 'SNAPSHOT', ...printSnapshot(reply, reply.snapshot).map(String)];
  const events = reply.events.slice(0, Number(args[4]));
  return [...head, 'EVENTS', applied + 1, ...events.map(({ invalidation, fence }) => encodeEvent(invalidation, fence))];
}

/** Fields and values of `meta`, and of `fence` where it was asked for. */
function printSnapshot(reply: TailReply, snapshot: NonNullable<TailReply['snapshot']>): (string | number)[] {
  const fields: (string | number)[] = ['epoch', reply.epoch, 'timeline', reply.timeline, 'seq', reply.seq];
  for (const [tag, seq] of snapshot.tags) fields.push(`t:${floorBucket('t', tag)}:${tag}`, seq);
  for (const [prefix, seq] of snapshot.prefixes) fields.push(`p:${floorBucket('p', prefix)}:${prefix}`, seq);
  for (const [pattern, seq] of snapshot.patterns) fields.push(`g:0:${pattern}`, seq);
  for (const [bucket, seq] of snapshot.floors) fields.push(`f:${bucket}`, seq);
  if (snapshot.clear > 0) fields.push('clear', snapshot.clear);
  const fences = snapshot.fences.map(({ id, isExclusive, keys, tags, prefixes }) => {
    return { i: id, x: isExclusive ? 1 : 0, k: keys, t: tags, p: prefixes };
  });
  if (fences.length > 0) fields.push('fences', JSON.stringify(fences));
  for (const [slot, seq] of snapshot.slots) fields.push(slot, seq);
  return fields;
}

/** Scoped keys from names in Redis: `cache:key`, beside `cache#meta`. */
function entryKeys(keys: readonly string[]): string[] {
  const base = String(keys[0]).slice(0, -'#meta'.length);
  return keys.slice(3).map((key) => key.slice(base.length + 1));
}

/** The entries of a call, as `packages/redis/src/lua/shared/unpack-entries.lua` takes them apart. */
function unpackEntries(keys: readonly string[], epoch: string, [first, ...large]: ScriptCall['args']) {
  const packed = bytesOf(first);
  let at = 0;
  const take = (length: number): Buffer => {
    at += length;
    return packed.subarray(at - length, at);
  };
  const writes = keys.map((key): StoreWrite => {
    const lease = { epoch, seq: Number(take(8).readBigUInt64BE()) };
    const slot = take(take(1).readUInt8()).toString('latin1');
    if (slot !== String(fenceSlot(key))) throw new Error('an entry is packed for another slot');
    const ttlMs = Number(take(take(1).readUInt8()).toString('latin1'));
    const length = take(4).readUInt32BE();
    return { key, lease, ttlMs, bytes: length === 0 ? bytesOf(large.shift()) : take(length) };
  });
  if (at !== packed.byteLength || large.length > 0) throw new Error('the entries do not fill their arguments');
  return writes;
}

function digits(outcomes: readonly string[], known: readonly string[]): string {
  return outcomes.map((outcome) => known.indexOf(outcome) + 1).join('');
}

function keysOf(writes: readonly StoreWrite[]): string[] {
  return writes.map(({ key }) => key);
}

function bytesOf(argument: string | number | Buffer | undefined): Buffer {
  return Buffer.isBuffer(argument) ? argument : Buffer.from(String(argument ?? ''));
}
