import { describe, expect, test } from 'vitest';
import { createCache } from '../src/cache.ts';
import { DEFAULTS, RANGES, resolveOptions } from '../src/options.ts';
import { expectCode } from './support/codes.ts';
import { openInstance } from './support/instances.ts';

const GOOD = { name: 'shop', ttl: '5m', memory: { maxEntries: 10 } } as const;
const resolve = (more: object) => resolveOptions({ ...GOOD, ...more } as never);

describe('options', () => {
  test('left out come to the defaults, and the result is frozen', () => {
    const resolved = resolveOptions(GOOD);
    const { codec, ...plain } = DEFAULTS;
    expect(resolved).toMatchObject({ ...plain, name: 'shop', ttlMs: 300_000 });
    expect(resolved.codec.name).toBe(codec);
    expect(resolved.remote.name).toBe('in-process');
    expect(resolved.memory).toEqual({ maxEntries: 10, maxBytes: undefined, ttlMs: undefined });
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(Object.isFrozen(resolved.memory)).toBe(true);
  });

  test('given as undefined are left out, and the input is not touched', () => {
    const input = Object.freeze({ ...GOOD, coherence: Object.freeze({ lease: undefined }), codec: undefined });
    expect(resolveOptions(input as never).leaseMs).toBe(DEFAULTS.leaseMs);
  });

  const NUMBERS: readonly [keyof typeof RANGES, (value: unknown) => object][] = [
    ['maxEntries', (maxEntries) => ({ memory: { maxEntries } })],
    ['maxBytes', (maxBytes) => ({ memory: { maxBytes } })],
    ['logEvents', (logEvents) => ({ coherence: { logEvents } })],
    ['maxVersions', (maxVersions) => ({ coherence: { maxVersions } })],
    ['maxJournal', (maxJournal) => ({ coherence: { maxJournal } })],
    ['leaseMs', (lease) => ({ coherence: { lease } })],
    ['maxValueBytes', (maxValueBytes) => ({ maxValueBytes })],
  ];
  for (const [name, make] of NUMBERS) {
    test(`${name} is held to its range, ends included`, async () => {
      const [min, max] = RANGES[name];
      for (const value of [min, max]) resolve(make(value));
      const bad: unknown[] = [min - 1, max + 1, -1, 0, Number.NaN, '10', null, {}];
      if (name !== 'leaseMs') bad.push(min + 0.5);
      for (const value of bad) {
        await expect(async () => resolve(make(value))).rejects.toMatchObject({
          code: expect.stringMatching(/^INVALID_(OPTIONS|DURATION)$/),
        });
      }
    });
  }

  const WORDS: readonly [string, readonly string[]][] = [
    ['isolation', ['freeze', 'copy', 'share']],
    ['onOversize', ['event', 'throw']],
    ['onUndelivered', ['resolve', 'throw']],
    ['codec', ['msgpack', 'json']],
  ];
  for (const [name, words] of WORDS) {
    test(`${name} is one of its words`, async () => {
      for (const word of words) resolve({ [name]: word });
      for (const word of ['', 'other', 'FREEZE', 5, null, true, []]) {
        await expectCode('INVALID_OPTIONS', () => resolve({ [name]: word }));
      }
    });
  }

  test('that nobody knows are refused, at every level, naming those there are', async () => {
    for (const [more, there] of [
      [{ tttl: 5 }, 'loadTimeout'],
      [{ memory: { maxEntries: 1, max: 5 } }, 'maxBytes'],
      [{ coherence: { delta: 5 } }, 'lease'],
      [{ ttl: { forever: 'why', for: 'ever' } }, 'forever'],
    ] as const) {
      const error = await expectCode('INVALID_OPTIONS', () => resolve(more));
      expect(error.message).toContain(there);
    }
  });

  test('of another type are refused', async () => {
    for (const options of [undefined, null, 5, 'shop', []]) {
      await expectCode('INVALID_OPTIONS', () => createCache(options as never));
    }
    for (const more of [
      { memory: undefined },
      { memory: null },
      { memory: 50 },
      { memory: {} },
      { memory: { ttl: '5m' } },
      { coherence: 5 },
      { remote: {} },
      { remote: 'redis://' },
      { remote: () => {} },
      { clock: 5 },
      { clock: {} },
      { clock: { wallMs: () => 0 } },
    ]) {
      await expectCode('INVALID_OPTIONS', () => resolve(more));
    }
  });

  test('are refused before a connection is opened', async () => {
    let opened = 0;
    const remote = {
      name: 'x',
      open: () => {
        opened++;
        throw new Error('opened');
      },
    };
    await expectCode('INVALID_OPTIONS', () => createCache({ ...GOOD, remote, isolation: 'none' as never }));
    await expectCode('INVALID_DURATION', () => createCache({ ...GOOD, remote, loadTimeout: 0 }));
    expect(opened).toBe(0);
  });
});

describe('the name of a cache', () => {
  test('is held to its alphabet', async () => {
    for (const name of ['', '-a', '.a', 'a:b', 'a b', 'a/b', 'ä', '{a}', 'x'.repeat(65), undefined, 5, null]) {
      await expectCode('INVALID_NAME', () => resolve({ name }));
    }
    for (const name of ['a', '7', 'shop-eu.v2_x', 'x'.repeat(64)]) expect(resolve({ name }).name).toBe(name);
  });
});

describe('ttl', () => {
  test('is required, and for ever only with its reason', async () => {
    await expectCode('INVALID_OPTIONS', () => resolve({ ttl: undefined }));
    for (const forever of ['', '  ', undefined, true, 5]) {
      await expectCode('INVALID_OPTIONS', () => resolve({ ttl: { forever } }));
    }
    expect(resolve({ ttl: { forever: 'country codes do not change' } }).ttlMs).toBe(undefined);
  });

  test('is a positive duration', async () => {
    for (const ttl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', 'soon', null, false]) {
      await expectCode('INVALID_DURATION', () => resolve({ ttl }));
    }
  });

  test('off is a word for the load timeout, never 0', async () => {
    expect(resolve({ loadTimeout: 'off' }).loadTimeoutMs).toBe(undefined);
    for (const loadTimeout of [0, 'never', null]) await expectCode('INVALID_DURATION', () => resolve({ loadTimeout }));
  });
});

describe('options of a call', () => {
  const BAD_SET: readonly [string, unknown][] = [
    ['INVALID_OPTIONS', null],
    ['INVALID_OPTIONS', 5],
    ['INVALID_OPTIONS', { tll: 5 }],
    ['INVALID_OPTIONS', { ttl: { forever: '' } }],
    ['INVALID_DURATION', { ttl: 0 }],
    ['INVALID_DURATION', { ttl: null }],
    ['INVALID_DURATION', { memoryTtl: 'x' }],
    ['INVALID_TAG', { tags: 'x' }],
  ];
  test('are checked by set before anything is written', async () => {
    const { cache, remote } = await openInstance();
    for (const [code, options] of BAD_SET) {
      await expectCode(code as never, () => cache.set('k', 1, options as never));
    }
    expect(remote.log).toEqual([]);
  });

  test('are checked by getOrSet before the loader runs', async () => {
    const { cache, remote } = await openInstance();
    let loads = 0;
    const load = () => ++loads;
    const bad: readonly [string, unknown][] = [
      ...BAD_SET,
      ['INVALID_OPTIONS', { signal: {} }],
      ['INVALID_OPTIONS', { valueTags: [] }],
      ['INVALID_DURATION', { loadTimeout: 0 }],
    ];
    for (const [code, options] of bad) {
      await expectCode(code as never, () => cache.getOrSet('k', load, options as never));
    }
    expect(loads).toBe(0);
    expect(remote.log).toEqual([]);
  });

  test('are checked by reads', async () => {
    const { cache, remote } = await openInstance();
    for (const options of [null, 5, { ttl: 5 }, { signal: 'x' }]) {
      await expectCode('INVALID_OPTIONS', () => cache.get('k', options as never));
      await expectCode('INVALID_OPTIONS', () => cache.entry('k', options as never));
      await expectCode('INVALID_OPTIONS', () => cache.getMany(['k'], options as never));
    }
    for (const keys of ['k', undefined, {}, null]) {
      await expectCode('INVALID_OPTIONS', () => cache.getMany(keys as never));
      await expectCode('INVALID_OPTIONS', () => cache.deleteMany(keys as never));
    }
    expect(remote.log).toEqual([]);
  });

  test('computed from a value that break a rule reject the load and keep nothing', async () => {
    const { cache, remote } = await openInstance();
    await expectCode('INVALID_DURATION', () => cache.getOrSet('k', () => 1, { ttl: () => 0 }));
    await expectCode('INVALID_TAG', () => cache.getOrSet('k', () => 1, { valueTags: () => [''] }));
    const fault = new Error('in valueTags');
    await expect(
      cache.getOrSet('k', () => 1, {
        valueTags: () => {
          throw fault;
        },
      }),
    ).rejects.toBe(fault);
    expect(remote.log.every(({ call }) => call === 'read')).toBe(true);
    expect(cache.peek('k')).toBe(undefined);
  });
});
