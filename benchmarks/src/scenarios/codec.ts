// Question: what does it cost to bring a value into bytes and back, by its size?
// Does not show: compression, encryption, or values that JSON cannot carry (dates, maps, cycles, binary data): tierwise's
// default codec checks for them on every value, JSON just loses them. The freezing of what was read is not in here.
import { isDeepStrictEqual } from 'node:util';
import { json, msgpack } from 'tierwise';
import type { Scenario } from '../bench.ts';
import { inTurn } from '../key-sequence.ts';
import { measure } from '../measure.ts';
import type { Group } from '../result.ts';
import { keysUpTo, users } from '../values.ts';

interface Way {
  readonly subject: string;
  readonly encode: (value: unknown) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

const WAYS: readonly Way[] = [
  {
    subject: 'JSON and Buffer',
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()),
  },
  { subject: 'tierwise msgpack', ...msgpack() },
  { subject: 'tierwise json', ...json() },
];

export const codec: Scenario = {
  name: 'codec',
  title: 'Bytes and back',
  question: 'What encoding and decoding cost for values of 1, 10 and 100 users (about 0.1, 1 and 12 kB as JSON).',
  limits: 'Plain data that every way carries. No freezing, no compression.',
  async run(bench) {
    const groups: Group[] = [];
    for (const count of [1, 10, 100]) {
      const size = count === 1 ? '1 user' : `${count} users`;
      const value = users(count);
      const encoded = WAYS.map(({ encode }) => encode(value));
      for (const [index, { subject, decode }] of WAYS.entries()) {
        if (isDeepStrictEqual(decode(encoded[index] as Uint8Array), value)) continue;
        throw new Error(`${subject} brings back something else`);
      }
      const keys = inTurn(keysUpTo(1));
      const encoders = WAYS.map(({ subject, encode }) => ({ subject, operation: () => encode(value) }));
      const decoders = WAYS.map(({ subject, decode }, index) => {
        const bytes = encoded[index] as Uint8Array;
        return { subject, operation: () => decode(bytes) };
      });
      const common = { pace: 'sync', keys } as const;
      groups.push(
        await measure(bench, { ...common, name: `encode ${size}`, contestants: encoders }),
        await measure(bench, { ...common, name: `decode ${size}`, contestants: decoders }),
      );
    }
    return groups;
  },
};
