import { describe, expect, test } from 'vitest';
import {
  decodeEnvelope,
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeHeader,
  EPOCH_OFFSET,
  encodeEnvelope,
  HEADER_BYTES,
  LEASE_OFFSET,
  SEQ_OFFSET,
  TAG_COUNT_OFFSET,
  VERSION_OFFSET,
} from '../src/wire/envelope.ts';

const HEADER: EnvelopeHeader = {
  codecId: 1,
  epoch: '00112233445566778899aabbccddeeff',
  lease: 0x1122334455667,
  seq: 0,
  expiresAtMs: 1_763_650_000_123,
  version: undefined,
  tags: ['user:7', 'größe', ''],
};
const PAYLOAD = Buffer.from('payload');

function decoded(bytes: Uint8Array): Envelope {
  const envelope = decodeEnvelope(bytes);
  if (typeof envelope === 'string') throw new Error(envelope);
  return envelope;
}

/** The bytes of a valid envelope with some of them replaced. */
function tampered(changes: Readonly<Record<number, number>>): Buffer {
  const bytes = encodeEnvelope(HEADER, PAYLOAD);
  for (const [offset, byte] of Object.entries(changes)) bytes[Number(offset)] = byte;
  return bytes;
}

function overlongTag(): Buffer {
  const bytes = encodeEnvelope({ ...HEADER, tags: ['t'] }, PAYLOAD);
  bytes[HEADER_BYTES + 1] = 0xff;
  return bytes;
}

describe('an envelope', () => {
  test('comes back as it was written', () => {
    for (const header of [
      HEADER,
      { ...HEADER, tags: [], lease: 0, expiresAtMs: 0 },
      { ...HEADER, codecId: 255, seq: Number.MAX_SAFE_INTEGER, lease: Number.MAX_SAFE_INTEGER },
      { ...HEADER, epoch: 'f'.repeat(32), tags: Array.from({ length: 65_535 }, (_, index) => `t${index}`) },
      { ...HEADER, tags: ['x'.repeat(65_535)] },
      { ...HEADER, version: 0 },
      { ...HEADER, version: Number.MAX_SAFE_INTEGER - 1 },
    ]) {
      const { payload, ...rest } = decoded(encodeEnvelope(header, PAYLOAD));
      expect(rest).toStrictEqual(header);
      expect(Buffer.from(payload)).toEqual(PAYLOAD);
    }
  });

  test('may have an empty payload', () => {
    expect(decoded(encodeEnvelope(HEADER, new Uint8Array(0))).payload.byteLength).toBe(0);
  });

  test('is read from a plain Uint8Array that lies inside larger memory', () => {
    const bytes = encodeEnvelope(HEADER, PAYLOAD);
    const larger = new Uint8Array(bytes.length + 20).fill(9);
    larger.set(bytes, 7);
    const envelope = decoded(larger.subarray(7, 7 + bytes.length));
    expect(envelope.tags).toEqual(HEADER.tags);
    expect(envelope.payload.buffer).toBe(larger.buffer);
  });

  test('has its numbers where scripts look for them', () => {
    const bytes = encodeEnvelope({ ...HEADER, tags: [], seq: 5 }, PAYLOAD);
    expect(bytes[0]).toBe(ENVELOPE_VERSION);
    expect(bytes.readBigUInt64BE(LEASE_OFFSET)).toBe(BigInt(HEADER.lease));
    expect(bytes.readBigUInt64BE(SEQ_OFFSET)).toBe(5n);
    expect(encodeEnvelope({ ...HEADER, version: 8 }, PAYLOAD).readBigUInt64BE(VERSION_OFFSET)).toBe(9n);
    expect(bytes.readBigUInt64BE(VERSION_OFFSET)).toBe(0n);
    expect(bytes.toString('hex', EPOCH_OFFSET, EPOCH_OFFSET + 16)).toBe(HEADER.epoch);
    expect(bytes.toString('utf8', HEADER_BYTES)).toBe('payload');
  });

  test('whose own number a script replaced is a set entry', () => {
    const bytes = encodeEnvelope(HEADER, PAYLOAD);
    bytes.writeBigUInt64BE(77n, SEQ_OFFSET);
    expect(decoded(bytes)).toMatchObject({ seq: 77, lease: HEADER.lease, tags: HEADER.tags });
  });

  test('reads alternating epochs apart', () => {
    const other = { ...HEADER, epoch: 'ab'.repeat(16) };
    const [first, second] = [encodeEnvelope(HEADER, PAYLOAD), encodeEnvelope(other, PAYLOAD)];
    for (let turn = 0; turn < 3; turn++) {
      expect(decoded(first).epoch).toBe(HEADER.epoch);
      expect(decoded(second).epoch).toBe(other.epoch);
    }
  });

  test('with a field out of range is never written', () => {
    for (const wrong of [
      { codecId: 0 },
      { codecId: 256 },
      { lease: -1 },
      { lease: 0.5 },
      { seq: 2 ** 53 },
      { expiresAtMs: Number.NaN },
      { version: -2 },
      { version: Number.MAX_SAFE_INTEGER },
      { epoch: 'A'.repeat(32) },
      { epoch: 'ab' },
      { tags: ['x'.repeat(65_536)] },
      { tags: new Array<string>(65_536).fill('t') },
    ]) {
      expect(() => encodeEnvelope({ ...HEADER, ...wrong }, PAYLOAD)).toThrow('broken invariant');
    }
  });
});

describe('bytes that are no envelope are told apart', () => {
  const whole = encodeEnvelope(HEADER, PAYLOAD);
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['nothing', new Uint8Array(0), 'truncated'],
    ['the version alone', whole.subarray(0, 1), 'truncated'],
    ['half a header', whole.subarray(0, 30), 'truncated'],
    ['all but the last byte', whole.subarray(0, -1), 'truncated'],
    ['a value someone else stored', Buffer.from('{"id":7,"name":"not ours at all, but long enough to be"}'), 'foreign'],
    ['zeros', new Uint8Array(100), 'foreign'],
    ['the next version', tampered({ 0: ENVELOPE_VERSION + 1 }), 'newer'],
    ['the next version, of which only the mark is certain', Buffer.from([2, 0x74, 9]), 'newer'],
    ['an unknown flag', tampered({ 2: 0x80 }), 'newer'],
    ['a byte too many', Buffer.concat([whole, Buffer.from([0])]), 'malformed'],
    ['codec id 0', tampered({ 3: 0 }), 'malformed'],
    ['a lease beyond 2^53', tampered({ [LEASE_OFFSET]: 1 }), 'malformed'],
    ['a number beyond 2^53', tampered({ [SEQ_OFFSET]: 0xff }), 'malformed'],
    ['an expiry beyond 2^53', tampered({ 40: 1 }), 'malformed'],
    ['a version beyond 2^53', tampered({ [VERSION_OFFSET]: 1 }), 'malformed'],
    ['more tags than bytes', tampered({ [TAG_COUNT_OFFSET]: 0xff }), 'malformed'],
    ['a tag longer than the bytes', tampered({ [HEADER_BYTES]: 0xff }), 'malformed'],
    ['a last tag longer than the bytes', overlongTag(), 'malformed'],
    ['a tag that is no UTF-8', tampered({ [HEADER_BYTES + 2]: 0xff }), 'malformed'],
    ['an overlong tag character', tampered({ [HEADER_BYTES + 2]: 0xc0, [HEADER_BYTES + 3]: 0xaf }), 'malformed'],
  ];
  for (const [name, bytes, reason] of cases) {
    test(`${name}: ${reason}`, () => {
      expect(decodeEnvelope(bytes)).toBe(reason);
    });
  }
});
