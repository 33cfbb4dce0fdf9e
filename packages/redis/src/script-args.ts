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
import type { OwnEvents } from './own-events.ts';

/** What scripts are given about the partition they work on. */
export interface ScriptContext {
  readonly names: Names;
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  readonly ownEvents: OwnEvents;
  readonly logEvents: number;
  readonly maxVersions: number;
}

export type ScriptArg = string | number | Buffer;

/** Lease, fence slot, lifetime and length of one entry; a slot has up to 5 digits, a safe integer up to 16. */
const MAX_ENTRY_HEADER_BYTES = 8 + 6 + 17 + 4;

/** Largest envelope that shares an argument: from there on cutting it out costs more than one (docs/internals/measurements.md). */
const MAX_PACKED_BYTES = 512;

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
  const event = fence === undefined ? context.ownEvents.encode(invalidation) : encodeEvent(invalidation, fence);
  const versions = versionFields(invalidation);
  return [
    context.publishCommand,
    context.names.channel,
    withOrigins(event, origins),
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
  return [...epochArgs(writes), ...packEntries(writes)];
}

/** All leases are of one epoch. */
export function setArgs(
  { names, publishCommand, ownEvents, logEvents }: Omit<ScriptContext, 'maxVersions'>,
  writes: readonly StoreWrite[],
  origins: readonly string[] = [],
): ScriptArg[] {
  const keys = writes.map(({ key }) => key);
  return [
    publishCommand,
    names.channel,
    withOrigins(ownEvents.encode({ ...NOTHING, keys }), origins),
    logEvents,
    ...epochArgs(writes),
    ...packEntries(writes, withNextNumber),
  ];
}

/**
 * A set that meets nothing newer than its lease gets the number after it: the envelope has it already, and the script need
 * not take it apart.
 */
function withNextNumber(packed: Buffer, at: number, lease: number): void {
  writeU64(packed, lease + 1, at + SEQ_OFFSET);
}

/** The epoch of all leases, as text and as an envelope holds it. */
function epochArgs(writes: readonly StoreWrite[]): ScriptArg[] {
  const epoch = writes[0]?.lease.epoch ?? '';
  return [epoch, Buffer.from(epoch, 'hex')];
}

/** The entries of a call: most of them in one argument, large ones behind it. See `shared/unpack-entries.lua`. */
function packEntries(
  writes: readonly StoreWrite[],
  amend?: (packed: Buffer, at: number, lease: number) => void,
): Buffer[] {
  const large: Buffer[] = [];
  let most = 0;
  for (const { bytes } of writes) most += MAX_ENTRY_HEADER_BYTES + (isLarge(bytes) ? 0 : bytes.byteLength);
  const packed = Buffer.allocUnsafe(most);
  let at = 0;
  for (const { key, lease, ttlMs, bytes } of writes) {
    writeU64(packed, lease.seq, at);
    at = writeDigits(packed, String(fenceSlot(key)), at + 8);
    at = writeDigits(packed, String(ttlMs), at);
    packed.writeUInt32BE(isLarge(bytes) ? 0 : bytes.byteLength, at);
    at += 4;
    if (isLarge(bytes)) large.push(toBuffer(bytes));
    else {
      packed.set(bytes, at);
      amend?.(packed, at, lease.seq);
      at += bytes.byteLength;
    }
  }
  return [packed.subarray(0, at), ...large];
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(value % 2 ** 32, at + 4);
}

function isLarge({ byteLength }: Uint8Array): boolean {
  return byteLength > MAX_PACKED_BYTES;
}

/** Writes a short ASCII text behind its length, and answers where it ends. */
function writeDigits(bytes: Buffer, text: string, offset: number): number {
  bytes[offset] = text.length;
  for (let index = 0; index < text.length; index++) bytes[offset + 1 + index] = text.charCodeAt(index);
  return offset + 1 + text.length;
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
