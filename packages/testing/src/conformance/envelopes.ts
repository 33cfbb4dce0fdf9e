import {
  decodeEnvelope,
  EPOCH_OFFSET,
  LEASE_OFFSET,
  type Lease,
  SEQ_OFFSET,
  type StoreWrite,
  VERSION_OFFSET,
} from 'tierwise/driver';

const LENGTH_OFFSET = 4;
/** The number of tags follows the version. */
const TAG_COUNT_OFFSET = VERSION_OFFSET + 8;
const MARK = 0x74;
const TEST_CODEC = 200;

export interface WriteFacts {
  readonly tags?: readonly string[];
  readonly version?: number;
  readonly ttlMs?: number;
}

/** An entry as the engine would hand it to a store: format 1 of `wire/envelope.ts` around `payload`. */
export function write(key: string, lease: Lease, payload: string | Uint8Array, facts: WriteFacts = {}): StoreWrite {
  const tags = (facts.tags ?? []).map((tag) => Buffer.from(tag));
  const header = Buffer.alloc(TAG_COUNT_OFFSET + 2);
  header[0] = 1;
  header[1] = MARK;
  header[3] = TEST_CODEC;
  header.writeBigUInt64BE(BigInt(lease.seq), LEASE_OFFSET);
  Buffer.from(lease.epoch, 'hex').copy(header, EPOCH_OFFSET);
  if (facts.version !== undefined) header.writeBigUInt64BE(BigInt(facts.version + 1), VERSION_OFFSET);
  header.writeUInt16BE(tags.length, TAG_COUNT_OFFSET);
  const tagBytes = tags.flatMap((tag) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(tag.length);
    return [length, tag];
  });
  const bytes = Buffer.concat([header, ...tagBytes, Buffer.from(payload)]);
  bytes.writeUInt32BE(bytes.length, LENGTH_OFFSET);
  return { key, lease, ttlMs: facts.ttlMs ?? 60_000, bytes };
}

/** The payload of stored bytes as text; `undefined` where nothing is stored. */
export function payloadOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const envelope = decodeEnvelope(bytes);
  return typeof envelope === 'string' ? envelope : Buffer.from(envelope.payload).toString('latin1');
}

/** The own sequence number that stored bytes carry. */
export function ownSeqOf(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined ? undefined : Number(Buffer.from(bytes).readBigUInt64BE(SEQ_OFFSET));
}
