import type { EnvelopeHeader } from '../../src/wire/envelope.ts';

/** What the golden file of the same name holds. Entries are added, never edited. */
export const GOLDEN: Readonly<Record<string, { readonly header: EnvelopeHeader; readonly value: () => unknown }>> = {
  'envelope-v1-msgpack': {
    header: {
      codecId: 1,
      epoch: '00112233445566778899aabbccddeeff',
      lease: 41,
      seq: 0,
      expiresAtMs: 1_763_650_000_123,
      version: undefined,
      tags: [],
    },
    value: () => ({
      id: 7,
      name: 'Müller 😀',
      price: 12.5,
      tags: ['a', 'b'],
      missing: undefined,
      nothing: null,
      at: new Date(1_763_650_000_123),
      big: -(2n ** 63n),
      bytes: Buffer.from('raw'),
      samples: new Float64Array([0.5, -1]),
    }),
  },
  'envelope-v1-json-tags': {
    header: {
      codecId: 2,
      epoch: 'ffeeddccbbaa99887766554433221100',
      lease: 0,
      seq: 0,
      expiresAtMs: 0,
      version: 0,
      tags: ['user:7', 'größe:😀', 'x'.repeat(300)],
    },
    value: () => ({ list: [1, -0, 'text', null, true], '': {} }),
  },
  'envelope-v1-set': {
    header: {
      codecId: 1,
      epoch: '0123456789abcdef0123456789abcdef',
      lease: 2 ** 40 + 5,
      seq: Number.MAX_SAFE_INTEGER,
      expiresAtMs: 8.64e15,
      version: Number.MAX_SAFE_INTEGER - 1,
      tags: ['t'],
    },
    value: () => 'set',
  },
  'envelope-v1-msgpack-graph': {
    header: {
      codecId: 1,
      epoch: '0123456789abcdef0123456789abcdef',
      lease: 3,
      seq: 0,
      expiresAtMs: 1,
      version: undefined,
      tags: [],
    },
    value: () => {
      const error = Object.assign(new TypeError('bad', { cause: [1] }), { code: 'E_BAD' });
      error.stack = 'TypeError: bad';
      const pattern = /a+/giu;
      pattern.lastIndex = 2;
      const shared = { when: new Date(-1) };
      const value: Record<string, unknown> = {
        map: new Map<unknown, unknown>([[{ key: 1 }, shared]]),
        set: new Set([shared, -0, '\ud800']),
        odd: JSON.parse('{"__proto__":[1]}'),
        huge: 3n ** 100n,
        pattern,
        error,
        shared,
      };
      value.self = value;
      return value;
    },
  },
};
