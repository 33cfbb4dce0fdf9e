import { describe, expect, test } from 'vitest';
import { FIRST_USER_CODEC_ID, MAX_CODEC_ID } from '../../packages/core/src/wire/contract.ts';
import {
  ENVELOPE_VERSION,
  EPOCH_OFFSET,
  encodeEnvelope,
  HEADER_BYTES,
  LEASE_OFFSET,
  SEQ_OFFSET,
  TAG_COUNT_OFFSET,
  VERSION_OFFSET,
} from '../../packages/core/src/wire/envelope.ts';
import { encodeEvent, NOTHING } from '../../packages/core/src/wire/event.ts';
import { json } from '../../packages/core/src/wire/json.ts';
import { msgpack } from '../../packages/core/src/wire/msgpack.ts';
import * as scripts from '../../packages/redis/src/lua/scripts.generated.ts';
import { readDocument, tableOf } from './markdown.ts';

const DOCUMENT = readDocument('docs/reference/wire-format.md');

describe('the envelope in docs/reference/wire-format.md', () => {
  const fields = tableOf(DOCUMENT, 'Envelope');
  const fixed = fields.filter((row) => /^\d+$/.test(row['offset'] ?? '') && /^\d+$/.test(row['size'] ?? ''));
  const offsetOf = (field: string): number => Number(fields.find((row) => row['field']?.startsWith(field))?.['offset']);

  test('has the offsets of the code', () => {
    expect(offsetOf('lease')).toBe(LEASE_OFFSET);
    expect(offsetOf('own sequence number')).toBe(SEQ_OFFSET);
    expect(offsetOf('epoch')).toBe(EPOCH_OFFSET);
    expect(offsetOf("caller's version")).toBe(VERSION_OFFSET);
    expect(offsetOf('number of tags')).toBe(TAG_COUNT_OFFSET);
    expect(offsetOf('tags')).toBe(HEADER_BYTES);
  });

  test('has no hole and no overlap', () => {
    let end = 0;
    for (const row of fixed) {
      expect(Number(row['offset']), row['field']).toBe(end);
      end += Number(row['size']);
    }
    expect(end).toBe(HEADER_BYTES);
  });

  test('reads an envelope that the code wrote', () => {
    const epoch = '00112233445566778899aabbccddeeff';
    const payload = Buffer.from('payload');
    const numbers = { lease: 2 ** 40 + 1, seq: 2 ** 41 + 2, expiresAtMs: 2 ** 42 + 3, version: 2 ** 43 + 4 };
    const header = { codecId: 7, epoch, ...numbers, tags: ['né'] };
    const bytes = encodeEnvelope(header, payload);
    const number = (field: string): number => {
      const row = fixed.find((each) => each['field']?.startsWith(field));
      const at = Number(row?.['offset']);
      return row?.['type'] === 'u64' ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, Number(row?.['size']));
    };
    expect(number('version')).toBe(ENVELOPE_VERSION);
    expect(number('mark')).toBe(0x74);
    expect(number('flags')).toBe(0);
    expect(number('codec id')).toBe(header.codecId);
    expect(number('length')).toBe(bytes.length);
    expect(number('lease')).toBe(header.lease);
    expect(number('own sequence number')).toBe(header.seq);
    expect(number('expiry')).toBe(header.expiresAtMs);
    expect(number("caller's version")).toBe(header.version + 1);
    expect(number('number of tags')).toBe(1);
    expect(bytes.toString('hex', offsetOf('epoch'), offsetOf('epoch') + 16)).toBe(epoch);
    const tagLength = bytes.readUInt16BE(offsetOf('tags'));
    expect(bytes.toString('utf8', offsetOf('tags') + 2, offsetOf('tags') + 2 + tagLength)).toBe('né');
    expect(bytes.subarray(offsetOf('tags') + 2 + tagLength)).toEqual(payload);
  });

  test('names the codec ids', () => {
    expect(DOCUMENT).toContain(`Codec ids: ${msgpack().id} is MessagePack, ${json().id} is JSON`);
    expect(DOCUMENT).toContain(
      `up to ${FIRST_USER_CODEC_ID - 1} are reserved, ${FIRST_USER_CODEC_ID} to ${MAX_CODEC_ID}`,
    );
  });
});

test('the members of event text', () => {
  const everything = { keys: ['k'], tags: ['t'], prefixes: ['p:'], patterns: ['*'], clear: true };
  const closing = encodeEvent(everything, { kind: 'close', id: 'id', lifeMs: 1_000, isExclusive: true });
  const lifting = encodeEvent(NOTHING, { kind: 'lift', id: 'id' });
  expect(tableOf(DOCUMENT, 'Events').map((row) => row['member'])).toEqual([
    ...Object.keys(JSON.parse(closing)),
    ...Object.keys(JSON.parse(lifting)),
  ]);
});

test('the scripts, all of them', () => {
  const names = Object.values(scripts).map(({ name }) => name);
  expect(
    tableOf(DOCUMENT, 'Scripts')
      .map((row) => row['script'])
      .sort(),
  ).toEqual(names.sort());
  for (const row of tableOf(DOCUMENT, 'Scripts')) {
    const script = Object.values(scripts).find(({ name }) => name === row['script']);
    expect(row['further keys']?.includes('entries'), row['script']).toBe(script?.variadic === true);
    expect(script?.keys, row['script']).toBe(
      row['further keys'] === '`members`' || row['further keys'] === 'members' ? 4 : 3,
    );
  }
});
