import { decodeEnvelope } from './envelope.ts';

/** The tags in the envelope of an entry. */
export function tagsOf(bytes: Uint8Array): readonly string[] {
  const envelope = decodeEnvelope(bytes);
  return typeof envelope === 'object' ? envelope.tags : [];
}

/** The entry with a number of its header written in. */
export function withU64(bytes: Uint8Array, value: number, offset: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64BE(BigInt(value), offset);
  return copy;
}
