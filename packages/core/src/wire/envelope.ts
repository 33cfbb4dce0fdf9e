// Envelope, format 1: what stands in front of the payload of every shared entry. Numbers are big-endian.
//
//   offset  size  type   field
//   0       1     u8     format version, 1
//   1       1     u8     mark, 0x74; stays in every version
//   2       1     u8     flags; none is defined, so 0
//   3       1     u8     codec id
//   4       4     u32    length of the whole envelope, payload included, in bytes
//   8       8     u64    lease: sequence number that dates the entry
//   16      8     u64    own sequence number of an entry that was set; 0 for a fill. Written over in place,
//                        by the driver that sends it and by scripts
//   24      16    bytes  epoch that both numbers belong to
//   40      8     u64    logical expiry, Unix milliseconds; 0 for never
//   48      8     u64    the caller's version of the value plus 1; 0 for none
//   56      2     u16    number of tags
//   58      n            tags, each: u16 length in bytes, then UTF-8
//   58 + n  rest  bytes  payload, as the codec wrote it
//
// Numbers of 8 bytes are at most 2^53 - 1. An envelope of a higher version or with an unknown flag is not read.

import { isUtf8 } from 'node:buffer';
import { assert } from '../errors.ts';
import { MAX_CODEC_ID } from './contract.ts';

/** Version of the envelopes written by this release, and the highest it reads. */
export const ENVELOPE_VERSION = 1;
/** Offset of the lease's sequence number, 8 bytes. */
export const LEASE_OFFSET = 8;
/** Offset of the own sequence number, 8 bytes. */
export const SEQ_OFFSET = 16;
/** Offset of the epoch, 16 raw bytes. */
export const EPOCH_OFFSET = 24;
/** Offset of the caller's version, 8 bytes. */
export const VERSION_OFFSET = 48;
/** Offset of the number of tags, 2 bytes. */
export const TAG_COUNT_OFFSET = 56;
/** Bytes before the first tag. */
export const HEADER_BYTES = 58;

const MARK = 0x74;
const MARK_OFFSET = 1;
const FLAGS_OFFSET = 2;
const CODEC_OFFSET = 3;
const LENGTH_OFFSET = 4;
const EXPIRY_OFFSET = 40;

const EPOCH_BYTES = 16;
const EPOCH_PATTERN = /^[0-9a-f]{32}$/;
const TAG_HEADER_BYTES = 2;
const MAX_U16 = 0xffff;
const MAX_U32 = 0xffff_ffff;
/** High 32 bits of 2^53 - 1. */
const MAX_HIGH_HALF = 0x1f_ffff;

/** What an entry carries beside its payload. */
export interface EnvelopeHeader {
  /** 1 to 255, see `Codec.id`. */
  readonly codecId: number;
  /** 32 lower-case hexadecimal digits. */
  readonly epoch: string;
  readonly lease: number;
  /** The entry's own sequence number where it was `set`, 0 where it was filled. */
  readonly seq: number;
  /** Unix milliseconds, whole; 0 for never. */
  readonly expiresAtMs: number;
  /** The caller's version of a value that was set with one, 0 to 2^53 - 2; `undefined` for none. */
  readonly version: number | undefined;
  readonly tags: readonly string[];
}

/** A header that was read, and the payload as a view into the bytes it was read from. */
export interface Envelope extends EnvelopeHeader {
  readonly payload: Uint8Array;
}

/**
 * Why bytes are no envelope that can be read.
 *
 * - `truncated`: they end before the envelope does.
 * - `foreign`: no version of tierwise wrote them.
 * - `newer`: a version or a flag this release does not know.
 * - `malformed`: an envelope of a known version that contradicts itself.
 */
export type MalformedReason = 'truncated' | 'foreign' | 'newer' | 'malformed';

/** How long the envelope of a payload with these tags is. */
export function envelopeBytes(tags: readonly string[], payloadBytes: number): number {
  return HEADER_BYTES + tagsBytes(tags) + payloadBytes;
}

/** The envelope of one entry, in one allocation. The header must be valid; lengths and ranges are asserted. */
export function encodeEnvelope(header: EnvelopeHeader, payload: Uint8Array): Buffer {
  const { codecId, tags } = header;
  assert(Number.isInteger(codecId) && codecId > 0 && codecId <= MAX_CODEC_ID, 'a codec id is 1 to 255');
  assert(tags.length <= MAX_U16, 'an entry has at most 65,535 tags');
  const payloadOffset = HEADER_BYTES + tagsBytes(tags);
  const length = payloadOffset + payload.byteLength;
  assert(length <= MAX_U32, 'an envelope is at most 4 GiB');

  const bytes = Buffer.allocUnsafe(length);
  bytes[0] = ENVELOPE_VERSION;
  bytes[MARK_OFFSET] = MARK;
  bytes[FLAGS_OFFSET] = 0;
  bytes[CODEC_OFFSET] = codecId;
  bytes.writeUInt32BE(length, LENGTH_OFFSET);
  writeU64(bytes, header.lease, LEASE_OFFSET);
  writeU64(bytes, header.seq, SEQ_OFFSET);
  bytes.set(epochBytes(header.epoch), EPOCH_OFFSET);
  writeU64(bytes, header.expiresAtMs, EXPIRY_OFFSET);
  writeU64(bytes, header.version === undefined ? 0 : header.version + 1, VERSION_OFFSET);
  writeTags(bytes, tags);
  bytes.set(payload, payloadOffset);
  return bytes;
}

const NO_TAGS: readonly string[] = Object.freeze([]);

/** The envelope in `bytes`, or why there is none. Never throws, whatever the bytes. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | MalformedReason {
  const view = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fault = faultOf(view);
  if (fault !== undefined) return fault;

  const lease = readU64(view, LEASE_OFFSET);
  const seq = readU64(view, SEQ_OFFSET);
  const expiresAtMs = readU64(view, EXPIRY_OFFSET);
  const versionPlus1 = readU64(view, VERSION_OFFSET);
  if (lease === undefined || seq === undefined || expiresAtMs === undefined || versionPlus1 === undefined) {
    return 'malformed';
  }
  const hasTags = view[TAG_COUNT_OFFSET] !== 0 || view[TAG_COUNT_OFFSET + 1] !== 0;
  const tags: string[] | undefined = hasTags ? [] : undefined;
  const payloadOffset = tags === undefined ? HEADER_BYTES : readTags(view, tags);
  if (payloadOffset === undefined) return 'malformed';
  const codecId = view[CODEC_OFFSET] as number;
  const epoch = epochText(view);
  const version = versionPlus1 === 0 ? undefined : versionPlus1 - 1;
  return {
    codecId,
    epoch,
    lease,
    seq,
    expiresAtMs,
    version,
    tags: tags ?? NO_TAGS,
    payload: bytes.subarray(payloadOffset),
  };
}

function faultOf(view: Buffer): MalformedReason | undefined {
  if (view.length === 0) return 'truncated';
  const version = view[0] as number;
  if (version === 0) return 'foreign';
  if (view.length > MARK_OFFSET && view[MARK_OFFSET] !== MARK) return 'foreign';
  if (view.length <= FLAGS_OFFSET) return 'truncated';
  if (version > ENVELOPE_VERSION || view[FLAGS_OFFSET] !== 0) return 'newer';
  if (view.length < HEADER_BYTES) return 'truncated';
  const length = view.readUInt32BE(LENGTH_OFFSET);
  if (view.length < length) return 'truncated';
  return view.length > length || view[CODEC_OFFSET] === 0 ? 'malformed' : undefined;
}

function writeU64(bytes: Buffer, value: number, offset: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'numbers in an envelope are whole and from 0 to 2^53 - 1');
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  bytes.writeUInt32BE(value % 2 ** 32, offset + 4);
}

function readU64(view: Buffer, offset: number): number | undefined {
  const high = view.readUInt32BE(offset);
  return high > MAX_HIGH_HALF ? undefined : high * 2 ** 32 + view.readUInt32BE(offset + 4);
}

function tagsBytes(tags: readonly string[]): number {
  let total = 0;
  for (const tag of tags) total += TAG_HEADER_BYTES + Buffer.byteLength(tag);
  return total;
}

function writeTags(bytes: Buffer, tags: readonly string[]): void {
  bytes.writeUInt16BE(tags.length, TAG_COUNT_OFFSET);
  let offset = HEADER_BYTES;
  for (const tag of tags) {
    const length = bytes.write(tag, offset + TAG_HEADER_BYTES);
    assert(length <= MAX_U16, 'a tag is at most 65,535 bytes');
    bytes.writeUInt16BE(length, offset);
    offset += TAG_HEADER_BYTES + length;
  }
}

/** Collects the tags and answers where the payload begins; undefined when they do not fit the bytes. */
function readTags(view: Buffer, tags: string[]): number | undefined {
  const count = view.readUInt16BE(TAG_COUNT_OFFSET);
  let offset = HEADER_BYTES;
  for (let index = 0; index < count; index++) {
    const start = offset + TAG_HEADER_BYTES;
    if (start > view.length) return undefined;
    offset = start + view.readUInt16BE(start - TAG_HEADER_BYTES);
    if (offset > view.length) return undefined;
    const tag = readText(view, start, offset);
    if (tag === undefined) return undefined;
    tags.push(tag);
  }
  return offset;
}

/** The text between two offsets; undefined when it is not UTF-8, since a tag read wrongly would never be invalidated. */
function readText(view: Buffer, start: number, end: number): string | undefined {
  for (let offset = start; offset < end; offset++) {
    if ((view[offset] as number) > 0x7f) {
      return isUtf8(view.subarray(start, end)) ? view.toString('utf8', start, end) : undefined;
    }
  }
  return view.toString('latin1', start, end);
}

/** The epoch met last, both ways: it changes once in months, and its text is shared by all entries read. */
let knownEpoch = '0'.repeat(2 * EPOCH_BYTES);
let knownEpochBytes: Buffer = Buffer.alloc(EPOCH_BYTES);

function epochBytes(epoch: string): Buffer {
  if (epoch !== knownEpoch) {
    assert(EPOCH_PATTERN.test(epoch), 'an epoch is 32 lower-case hexadecimal digits');
    knownEpochBytes = Buffer.from(epoch, 'hex');
    knownEpoch = epoch;
  }
  return knownEpochBytes;
}

function epochText(view: Buffer): string {
  for (let index = 0; index < EPOCH_BYTES; index++) {
    if (view[EPOCH_OFFSET + index] !== knownEpochBytes[index]) {
      knownEpoch = view.toString('hex', EPOCH_OFFSET, EPOCH_OFFSET + EPOCH_BYTES);
      knownEpochBytes = Buffer.from(knownEpoch, 'hex');
      return knownEpoch;
    }
  }
  return knownEpoch;
}
