import { deepStrictEqual } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from '../src/wire/envelope.ts';
import { json } from '../src/wire/json.ts';
import { msgpack } from '../src/wire/msgpack.ts';
import { GOLDEN } from './golden/values.ts';

const FOLDER = new URL('./golden/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.hex'));

function bytesOf(file: string): Buffer {
  return Buffer.from(readFileSync(new URL(file, FOLDER), 'latin1').replaceAll('\n', ''), 'hex');
}

describe('entries that an earlier release has written', () => {
  test('are all described', () => {
    expect(FILES.map((file) => file.replace('.hex', '')).sort()).toEqual(Object.keys(GOLDEN).sort());
  });

  for (const [name, { header, value }] of Object.entries(GOLDEN)) {
    test(`are read: ${name}`, () => {
      const envelope = decodeEnvelope(bytesOf(`${name}.hex`));
      if (typeof envelope === 'string') throw new Error(envelope);
      const { payload, ...read } = envelope;
      expect(read).toStrictEqual(header);
      const codec = header.codecId === 1 ? msgpack() : json();
      deepStrictEqual(codec.decode(payload), value());
    });

    test(`have the header that is written today: ${name}`, () => {
      const golden = bytesOf(`${name}.hex`);
      const envelope = decodeEnvelope(golden);
      if (typeof envelope === 'string') throw new Error(envelope);
      expect(encodeEnvelope(header, envelope.payload).equals(golden)).toBe(true);
    });
  }
});
