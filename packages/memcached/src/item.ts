// An item, format 1: what a server stores under one name. Numbers are big-endian.
//
//   offset  size  type   field
//   0       1     u8     format version, 1
//   1       2     u16    length of the name, 0 where the server stores under the name itself
//   3       n            the whole name, ASCII, where the server stores under its hash
//   3 + n   rest  bytes  the value

import type { ServerName } from './names.ts';

const VERSION = 1;
const HEADER_BYTES = 3;
/** What a server keeps beside name and value: at most 56 bytes of header, 8 for CAS. */
const SERVER_OVERHEAD_BYTES = 64;
/** Room for a name and its hash: 1,024 characters of key, each at most 9 bytes in percent notation, and what stands before. */
const NAME_BYTES = 10_240;

/** Most bytes a value may have, so that its item fits into `maxItemBytes` under any name. */
export function maxValueBytes(maxItemBytes: number): number {
  return maxItemBytes - SERVER_OVERHEAD_BYTES - HEADER_BYTES - NAME_BYTES;
}

export function encodeItem(name: ServerName, value: Uint8Array): Buffer {
  const proof = name.proof ?? '';
  const item = Buffer.allocUnsafe(HEADER_BYTES + proof.length + value.byteLength);
  item[0] = VERSION;
  item.writeUInt16BE(proof.length, 1);
  item.write(proof, HEADER_BYTES, 'latin1');
  item.set(value, HEADER_BYTES + proof.length);
  return item;
}

/** The value in an item; `undefined` where it was stored under another name or in another format. */
export function decodeItem(name: ServerName, item: Buffer): Uint8Array | undefined {
  const proof = name.proof ?? '';
  const valueOffset = HEADER_BYTES + proof.length;
  if (item.length < valueOffset || item[0] !== VERSION || item.readUInt16BE(1) !== proof.length) return undefined;
  if (item.toString('latin1', HEADER_BYTES, valueOffset) !== proof) return undefined;
  return item.subarray(valueOffset);
}
