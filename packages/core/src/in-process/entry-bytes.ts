import { decodeEnvelope, SEQ_OFFSET } from '../wire/envelope.ts';

/** The tags in the envelope of an entry. */
export function tagsOf(bytes: Uint8Array): readonly string[] {
  const envelope = decodeEnvelope(bytes);
  return typeof envelope === 'object' ? envelope.tags : [];
}

/** The entry with its own sequence number written in. */
export function withSeq(bytes: Uint8Array, seq: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64BE(BigInt(seq), SEQ_OFFSET);
  return copy;
}
