import {
  encodeEvent,
  type FenceChange,
  fenceSlot,
  floorBucket,
  type Invalidation,
  NOTHING,
  SEQ_OFFSET,
  type StoreWrite,
  type TailRequest,
  withOrigins,
} from 'tierwise/driver';
import type { Names } from './names.ts';

/** What scripts are given about the partition they work on. */
export interface ScriptContext {
  readonly names: Names;
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  readonly logEvents: number;
  readonly maxVersions: number;
}

export type ScriptArg = string | number | Buffer;

/** Bytes of an own sequence number inside an envelope. */
const SEQ_BYTES = 8;

// What follows timeline and new epoch, in the order of each script's header.

export function tailArgs(request: TailRequest, maxEvents: number, claim: number): ScriptArg[] {
  const { member, epoch = '', applied, withSlots = false } = request;
  return [epoch, applied, maxEvents, member.id, member.leaseMs, claim, withSlots ? 1 : 0];
}

export function invalidateArgs(
  context: ScriptContext,
  invalidation: Invalidation,
  fence: FenceChange | undefined,
  origins: readonly string[] = [],
): ScriptArg[] {
  const { keys, clear } = invalidation;
  const versions = versionFields(invalidation);
  return [
    context.publishCommand,
    context.names.channel,
    withOrigins(encodeEvent(invalidation, fence), origins),
    context.logEvents,
    context.maxVersions,
    clear ? 1 : 0,
    fence?.kind ?? '',
    fence?.id ?? '',
    fence?.kind === 'close' ? fence.lifeMs : 0,
    fence?.kind === 'close' ? fenceText(context, invalidation, fence) : '',
    versions.length,
    ...versions,
    ...keys.map(fenceSlot),
  ];
}

/** All leases are of one epoch. */
export function fillArgs(writes: readonly StoreWrite[]): ScriptArg[] {
  return [
    ...epochArgs(writes),
    ...writes.flatMap(({ key, lease, ttlMs, bytes }) => [fenceSlot(key), lease.seq, ttlMs, toBuffer(bytes)]),
  ];
}

/** All leases are of one epoch. */
export function setArgs(
  { names, publishCommand, logEvents }: Omit<ScriptContext, 'maxVersions'>,
  writes: readonly StoreWrite[],
  origins: readonly string[] = [],
): ScriptArg[] {
  const keys = writes.map(({ key }) => key);
  return [
    publishCommand,
    names.channel,
    withOrigins(encodeEvent({ ...NOTHING, keys }), origins),
    logEvents,
    ...epochArgs(writes),
    ...writes.flatMap(({ key, lease, ttlMs, bytes }) => {
      const envelope = toBuffer(bytes);
      const after = envelope.subarray(SEQ_OFFSET + SEQ_BYTES);
      return [fenceSlot(key), lease.seq, ttlMs, envelope.subarray(0, SEQ_OFFSET), after];
    }),
  ];
}

/** The epoch of all leases, as text and as an envelope holds it. */
function epochArgs(writes: readonly StoreWrite[]): ScriptArg[] {
  const epoch = writes[0]?.lease.epoch ?? '';
  return [epoch, Buffer.from(epoch, 'hex')];
}

/** All that ending the fence takes, for whoever finds it expired: see `shared/lift-expired.lua`. */
function fenceText(
  { names, publishCommand, logEvents, maxVersions }: ScriptContext,
  invalidation: Invalidation,
  { id, isExclusive }: FenceChange & { kind: 'close' },
): string {
  const { keys, tags, prefixes } = invalidation;
  return JSON.stringify({
    i: id,
    x: isExclusive ? 1 : 0,
    k: keys,
    t: tags,
    p: prefixes,
    n: keys.map((key) => names.entry(key)),
    s: keys.map(fenceSlot),
    P: prefixes.map((prefix) => names.entry(prefix)),
    v: versionFields(invalidation),
    l: maxVersions,
    b: publishCommand,
    c: names.channel,
    m: logEvents,
    e: encodeEvent(invalidation, { kind: 'lift', id }),
  });
}

/** Fields of `meta` that hold the versions of an event's names. */
function versionFields({ tags, prefixes, patterns }: Invalidation): string[] {
  return [
    ...tags.map((tag) => `t:${floorBucket('t', tag)}:${tag}`),
    ...prefixes.map((prefix) => `p:${floorBucket('p', prefix)}:${prefix}`),
    ...patterns.map((pattern) => `g:0:${pattern}`),
  ];
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
