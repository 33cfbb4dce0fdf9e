import { describe, expect, test } from 'vitest';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance, openInstances } from './support/instances.ts';
import { unhandledDuring } from './support/unhandled.ts';

describe('a template', () => {
  test('without proper placeholders is refused', async () => {
    const { cache } = await openInstance();
    for (const template of [
      '',
      undefined,
      null,
      5,
      'user:{}',
      'user:{ id }',
      'user:{1d}',
      'user:{a-b}',
      'user:{id',
      'user:id}',
      'user:{{id}}',
      '{a}{b}',
      '{a}-{b}',
      '{a}:{a}',
    ]) {
      await expectCode('INVALID_OPTIONS', () => cache.keyspace(template as string));
    }
  });

  test('renders parameters between its texts', async () => {
    const { cache } = await openInstance();
    expect(cache.keyspace('user:{id}:projects').key({ id: 7 })).toBe('user:7:projects');
    expect(cache.keyspace('{a}:{b}').key({ a: true, b: 10n })).toBe('true:10');
    expect(cache.keyspace('v{a}x:{_b$}').key({ a: 'p:q%', _b$: -0.5 })).toBe('vp%3Aq%25x:-0.5');
    expect(cache.keyspace('all').key({})).toBe('all');
  });
});

describe('parameters', () => {
  test('that are missing, unknown or not printable are refused, and calls reject', async () => {
    const { cache, remote } = await openInstance();
    const users = cache.keyspace('user:{id}', { load: () => 1 });
    for (const params of [
      {},
      { id: undefined },
      { id: null },
      { id: {} },
      { id: Number.NaN },
      { id: Number.POSITIVE_INFINITY },
      { id: Symbol('x') },
      { id: 1, other: 2 },
      undefined,
      null,
      5,
    ]) {
      const bad = params as never;
      expect(() => users.key(bad)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
      expect(() => users.peek(bad)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
      const calls = [
        users.get(bad),
        users.getOrSet(bad, () => 1),
        users.getMany([bad]),
        users.entry(bad),
        users.set(bad, 1),
        users.delete(bad),
        users.deleteMany([{ id: 1 }, bad]),
      ];
      for (const call of calls) await expectCode('INVALID_PARAMETER', () => call);
    }
    expect(remote.log).toEqual([]);
  });

  // Symptom: a raw TypeError from inside.
  test('that a hole in an array stands for are refused, and so is what is no array', async () => {
    const { cache, remote } = await openInstance();
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    const list = [, { id: 1 }] as { id: number }[];
    const plain = cache.keyspace('user:{id}');
    const loading = cache.keyspace('user:{id}', { load: () => 1 });
    for (const users of [plain, loading]) {
      await expectCode('INVALID_PARAMETER', () => users.getMany(list));
      await expectCode('INVALID_PARAMETER', () => users.deleteMany(list));
      await expectCode('INVALID_OPTIONS', () => users.getMany({ id: 1 } as never));
      await expectCode('INVALID_OPTIONS', () => users.deleteMany(undefined as never));
    }
    await settled();
    expect(remote.log).toEqual([]);
  });

  test('named like members of every object are no parameters of the object', async () => {
    const { cache } = await openInstance();
    await expectCode('INVALID_PARAMETER', () => cache.keyspace('a:{toString}').get({} as never));
    await expectCode('INVALID_PARAMETER', () => cache.keyspace('a:{constructor}').get({} as never));
    expect(cache.keyspace('a:{constructor}').key({ constructor: 1 } as never)).toBe('a:1');
  });
});

describe('options of a keyspace', () => {
  test('are checked when it is made', async () => {
    const { cache } = await openInstance();
    const BAD: readonly [string, unknown][] = [
      ['INVALID_OPTIONS', null],
      ['INVALID_OPTIONS', { loader: () => 1 }],
      ['INVALID_OPTIONS', { load: 5 }],
      ['INVALID_OPTIONS', { tags: ['x'] }],
      ['INVALID_OPTIONS', { valueTags: 'x' }],
      ['INVALID_OPTIONS', { ttl: { forever: '' } }],
      ['INVALID_DURATION', { ttl: 0 }],
      ['INVALID_DURATION', { memoryTtl: -1 }],
      ['INVALID_DURATION', { loadTimeout: 'never' }],
    ];
    for (const [code, options] of BAD) {
      await expectCode(code as never, () => cache.keyspace('user:{id}', options as never));
    }
  });
});

describe('a keyspace with load', () => {
  test('reads through, once for each set of parameters', async () => {
    const [a, b] = await openInstances(2);
    const loaded: number[] = [];
    const make = ({ cache }: typeof a) =>
      cache.keyspace('user:{id}', {
        load: ({ id }: { id: number }) => {
          loaded.push(id);
          return { id };
        },
      });
    expect(await make(a).getMany([{ id: 1 }, { id: 2 }, { id: 1 }])).toEqual([{ id: 1 }, { id: 2 }, { id: 1 }]);
    await settled();
    expect(await make(b).get({ id: 2 })).toEqual({ id: 2 });
    expect(loaded).toEqual([1, 2]);
    expect(make(a).peek({ id: 1 })).toEqual({ id: 1 });
    expect(await make(a).entry({ id: 1 })).toMatchObject({ value: { id: 1 }, layer: 'memory' });
    expect(await make(a).entry({ id: 3 })).toBe(undefined);
  });

  test('tags entries by parameters and value, loaded or set', async () => {
    const { cache } = await openInstance();
    const projects = cache.keyspace('user:{userId}:projects', {
      load: ({ userId }: { userId: number }) => ({ team: `t${userId % 2}` }),
      tags: ({ userId }) => [`user:${userId}`],
      valueTags: ({ team }, { userId }) => [`team:${team}`, `both:${team}:${userId}`],
    });
    await projects.get({ userId: 1 });
    await projects.get({ userId: 2 });
    await projects.set({ userId: 3 }, { team: 't1' });
    await settled();
    expect((await projects.entry({ userId: 3 }))?.tags).toEqual(['user:3', 'team:t1', 'both:t1:3']);
    await cache.invalidateTags(['team:t1']);
    expect([1, 2, 3].map((userId) => projects.peek({ userId }) !== undefined)).toEqual([false, true, false]);
    await cache.invalidateTags(['user:2']);
    expect(projects.peek({ userId: 2 })).toBe(undefined);
  });

  // Symptom: the load of the first key was already running, and rejected with nobody there to hear of it.
  test('leaves no load unheard when its tags throw for one of many', async () => {
    const { cache } = await openInstance();
    const users = cache.keyspace('u:{n}', {
      tags: ({ n }) => {
        if (n === 2) throw new Error('no tags');
        return [];
      },
      load: () => Promise.reject(new Error('not loaded')),
    });
    const unhandled = await unhandledDuring(async () => {
      await expect(users.getMany([{ n: 1 }, { n: 2 }])).rejects.toThrow('no tags');
      await settled();
    });
    expect(unhandled).toEqual([]);
  });

  test('has its own lifetimes, also computed', async () => {
    const { cache } = await openInstance({ ttl: '1h' });
    const computed = cache.keyspace('a:{id}', { load: () => 5, ttl: (seconds) => `${seconds}s` });
    await computed.get({ id: 1 });
    await computed.set({ id: 2 }, 7);
    await settled();
    expect(await computed.entry({ id: 1 })).toMatchObject({ expiresInMs: 5_000 });
    expect(await computed.entry({ id: 2 })).toMatchObject({ expiresInMs: 7_000 });
    const capped = cache.keyspace('b:{id}', { load: () => 5, memoryTtl: '2s' });
    await capped.get({ id: 1 });
    await capped.set({ id: 2 }, 7);
    await settled();
    expect(await capped.entry({ id: 1 })).toMatchObject({ expiresInMs: 2_000 });
    expect(await capped.entry({ id: 2 })).toMatchObject({ expiresInMs: 2_000 });
  });

  test('has its own load timeout', async () => {
    const { cache, clock } = await openInstance();
    const slow = cache.keyspace('a:{id}', { load: () => new Promise<number>(() => {}), loadTimeout: 10 });
    const read = expectCode('LOAD_TIMEOUT', () => slow.get({ id: 1 }));
    await clock.advance(10);
    await read;
  });

  test('lets one waiter go by its signal', async () => {
    const { cache } = await openInstance();
    const slow = cache.keyspace('a:{id}', { load: () => new Promise<number>(() => {}) });
    const controller = new AbortController();
    const read = slow.get({ id: 1 }, { signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(read).rejects.toThrow('gone');
  });
});

describe('a read of a keyspace', () => {
  // Symptom: with `load` or `memoryTtl` some were passed over without a word, and a `ttl` or `tags` became the entry's.
  test.each([
    ['plain', {}],
    ['with load', { load: (): number => 1 }],
    ['with memoryTtl', { memoryTtl: '1s' }],
    ['with both', { load: (): number => 1, memoryTtl: '1s' }],
  ] as const)('refuses by name what is no option of reads, held in memory or not: %s', async (_, own) => {
    const { cache, remote } = await openInstance();
    const users = cache.keyspace('user:{id}', own as { load: () => number });
    await cache.set('user:2', 2);
    remote.log.length = 0;
    for (const id of [1, 2]) {
      const calls: ((options: never) => Promise<unknown>)[] = [
        (options) => users.get({ id }, options),
        (options) => users.getOrSet({ id }, () => 1, options),
        (options) => users.getMany([{ id }], options),
        (options) => users.entry({ id }, options),
      ];
      for (const call of calls) {
        for (const options of [{ ttl: '1h' }, { tags: ['t'] }, { loadTimeout: 5 }, { singal: undefined }]) {
          const error = await expectCode('INVALID_OPTIONS', () => call(options as never));
          expect(error.message).toContain(`'${Object.keys(options)[0]}'`);
        }
        for (const options of [null, 5, '1h', []]) await expectCode('INVALID_OPTIONS', () => call(options as never));
      }
    }
    await settled();
    expect(remote.log).toEqual([]);
  });

  test('takes signal and memoryTtl', async () => {
    const { cache } = await openInstance();
    const options = { memoryTtl: '2s', signal: new AbortController().signal } as const;
    const users = cache.keyspace('user:{id}', { load: ({ id }) => id, memoryTtl: '1s' });
    await users.get({ id: 1 }, options);
    await users.getMany([{ id: 2 }], options);
    await users.getOrSet({ id: 3 }, () => 3, options);
    await settled();
    for (const id of [1, 2, 3]) expect(await users.entry({ id }, options)).toMatchObject({ expiresInMs: 2_000 });
  });

  // Symptom: it took the keyspace's away, and entries stayed in memory for as long as the cache lets them.
  test('takes a memoryTtl that is undefined for one left out', async () => {
    const [a, b] = await openInstances(2);
    const usersOf = ({ cache }: typeof a) => cache.keyspace('user:{id}', { load: ({ id }) => id, memoryTtl: '1s' });
    const options = { memoryTtl: undefined as never };
    await usersOf(a).get({ id: 1 }, options);
    await usersOf(a).getMany([{ id: 2 }], options);
    await usersOf(a).getOrSet({ id: 3 }, () => 3, options);
    await settled();
    for (const id of [1, 2, 3]) {
      expect(await usersOf(a).entry({ id })).toMatchObject({ expiresInMs: 1_000 });
      expect(await usersOf(b).entry({ id }, options)).toMatchObject({ layer: 'scripted', expiresInMs: 1_000 });
    }
  });
});

describe('a set of a keyspace', () => {
  test('takes a version: a lower one leaves what is stored, with lifetime and tags', async () => {
    const { cache } = await openInstance();
    const users = cache.keyspace<'user:{id}', string>('user:{id}', { ttl: '7s', tags: ({ id }) => [`u:${id}`] });
    const stored = { stored: true, outdated: false, delivered: true };
    expect(await users.set({ id: 1 }, 'v5', { version: 5 })).toEqual(stored);
    await settled();
    expect(await users.set({ id: 1 }, 'v4', { version: 4 })).toMatchObject({ stored: false, outdated: true });
    expect(await users.entry({ id: 1 })).toMatchObject({ value: 'v5', expiresInMs: 7_000, tags: ['u:1'] });
    expect(await users.set({ id: 1 }, 'v6', { version: undefined as never })).toEqual(stored);
  });

  // Symptom: they were passed over without a word.
  test('refuses every other option by name, before anything is written', async () => {
    const { cache, remote } = await openInstance();
    const users = cache.keyspace('user:{id}');
    for (const options of [{ ttl: '1h' }, { memoryTtl: '1s' }, { tags: ['t'] }, { versoin: 1 }]) {
      const error = await expectCode('INVALID_OPTIONS', () => users.set({ id: 1 }, 1, options as never));
      expect(error.message).toContain(`'${Object.keys(options)[0]}'`);
    }
    for (const options of [null, 5, '1h', [], { version: -1 }, { version: 1.5 }]) {
      await expectCode('INVALID_OPTIONS', () => users.set({ id: 1 }, 1, options as never));
    }
    await settled();
    expect(remote.log).toEqual([]);
  });
});

describe('a keyspace without load', () => {
  test('answers undefined, and takes a loader by the call', async () => {
    const { cache } = await openInstance();
    const users = cache.keyspace<'user:{id}', { id: number }>('user:{id}', { tags: ({ id }) => [`u:${id}`] });
    expect(await users.get({ id: 1 })).toBe(undefined);
    expect(await users.getMany([{ id: 1 }])).toEqual([undefined]);
    expect(await users.getOrSet({ id: 1 }, () => ({ id: 1 }))).toEqual({ id: 1 });
    await cache.invalidateTags(['u:1']);
    expect(await users.get({ id: 1 })).toBe(undefined);
    await users.set({ id: 1 }, { id: 1 });
    await users.set({ id: 2 }, { id: 2 });
    await users.delete({ id: 1 });
    expect(await users.getMany([{ id: 1 }, { id: 2 }])).toEqual([undefined, { id: 2 }]);
    await users.deleteMany([{ id: 2 }]);
    expect(await users.get({ id: 2 })).toBe(undefined);
  });

  test('of a namespace stays in it', async () => {
    const { cache } = await openInstance();
    await cache.namespace('eu').keyspace('user:{id}').set({ id: 1 }, 'eu');
    expect(await cache.keyspace('user:{id}').get({ id: 1 })).toBe(undefined);
    expect(await cache.namespace('eu').get('user:1')).toBe('eu');
  });
});
