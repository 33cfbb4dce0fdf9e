import { describe, expect, test } from 'vitest';
import type { Cache } from '../src/cache.ts';
import { MAX_KEY_LENGTH, MAX_TAGS } from '../src/keys.ts';
import type { Namespace } from '../src/namespace.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance } from './support/instances.ts';

const LONE = 'a\ud800b';
const SECRET = 'card:4111-1111';

const TAKES_KEY: readonly [string, (cache: Cache, key: string) => unknown][] = [
  ['get', (cache, key) => cache.get(key)],
  ['entry', (cache, key) => cache.entry(key)],
  ['getOrSet', (cache, key) => cache.getOrSet(key, () => 1)],
  ['getMany', (cache, key) => cache.getMany(['good', key])],
  ['set', (cache, key) => cache.set(key, 1)],
  [
    'setMany',
    (cache, key) =>
      cache.setMany([
        { key: 'good', value: 1 },
        { key, value: 1 },
      ]),
  ],
  ['delete', (cache, key) => cache.delete(key)],
  ['deleteMany', (cache, key) => cache.deleteMany(['good', key])],
  ['invalidatePrefix', (cache, key) => cache.invalidatePrefix(key)],
];

const BAD_KEYS: readonly unknown[] = [
  '',
  'x'.repeat(MAX_KEY_LENGTH + 1),
  undefined,
  null,
  5,
  {},
  [],
  Symbol('k'),
  LONE,
];

describe('a bad key', () => {
  for (const [name, call] of TAKES_KEY) {
    test(`is refused by ${name} before anything is read or written`, async () => {
      const { cache, remote } = await openInstance();
      for (const key of BAD_KEYS) {
        const error = await expectCode('INVALID_KEY', () => call(cache, key as string));
        expect(error.facts.subject).toBe(name === 'invalidatePrefix' ? 'prefix' : 'key');
      }
      await settled();
      expect(remote.log.flatMap(({ keys }) => keys)).toEqual(remote.log.flatMap(() => ['good']));
      expect(remote.log.every(({ call: made }) => made === 'read')).toBe(true);
      expect(cache.peek('good')).toBe(undefined);
    });
  }

  // Symptom: a raw TypeError from inside, and for setMany a result that is undefined.
  test('is what a hole in an array stands for', async () => {
    const { cache, remote } = await openInstance();
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    const keys = ['good', , 'good2'] as string[];
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    const items = [, { key: 'good', value: 1 }] as { key: string; value: number }[];
    await expectCode('INVALID_KEY', () => cache.getMany(keys));
    await expectCode('INVALID_KEY', () => cache.deleteMany(keys));
    const hole = await expectCode('INVALID_OPTIONS', () => cache.setMany(items));
    const nothing = await expectCode('INVALID_OPTIONS', () => cache.setMany([undefined as never]));
    expect(hole.message).toBe(nothing.message);
    await settled();
    expect(remote.log).toEqual([]);
    expect(cache.peek('good')).toBe(undefined);
  });

  test('is refused by peek, which throws', async () => {
    const { cache } = await openInstance();
    for (const key of BAD_KEYS.filter((bad) => bad !== LONE)) {
      expect(() => cache.peek(key as string)).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }));
    }
    expect(cache.peek(LONE)).toBe(undefined);
  });

  test('never reaches the message, nor does a value', async () => {
    const { cache } = await openInstance({ maxValueBytes: 64, onOversize: 'throw' });
    const calls = [
      () => cache.get(`${SECRET}${'x'.repeat(MAX_KEY_LENGTH)}`),
      () => cache.get(`${SECRET}\ud800`),
      () => cache.invalidatePrefix(SECRET),
      () => cache.set('k', SECRET.repeat(100)),
      () => cache.getOrSet(SECRET, () => undefined),
      () => cache.set('k', 1, { tags: [`${SECRET}\ud800`] }),
      () => cache.set('k', 1, { ttl: SECRET as never }),
      () => cache.namespace(SECRET),
      () => cache.keyspace('user:{id}').get({ id: Symbol(SECRET) as never }),
    ];
    for (const call of calls) {
      const error = await Promise.resolve()
        .then(call)
        .then(
          () => undefined,
          (reason: Error) => reason,
        );
      expect(error).toBeInstanceOf(Error);
      expect(error?.message).not.toContain('4111');
    }
  });
});

describe('a key', () => {
  test('of exactly the longest length, with any characters, works in every layer', async () => {
    const { cache, hub } = await openInstance();
    const KEYS = [
      'x'.repeat(MAX_KEY_LENGTH),
      ' ',
      '\0',
      '\n\r\t',
      '😀',
      '::',
      '{}',
      '__proto__',
      'constructor',
      '\uffff',
    ];
    for (const key of KEYS) {
      await cache.set(key, key);
      expect(await cache.get(key)).toBe(key);
    }
    for (const key of KEYS) expect(cache.peek(key)).toBe(key);
    expect(hub.stored('x'.repeat(MAX_KEY_LENGTH))).not.toBe(undefined);
  });
});

describe('a tag', () => {
  test('is refused by the rules of a key, wherever it is passed', async () => {
    const { cache, remote } = await openInstance();
    for (const tag of BAD_KEYS) {
      const tags = ['good', tag as string];
      await expectCode('INVALID_TAG', () => cache.set('k', 1, { tags }));
      await expectCode('INVALID_TAG', () => cache.invalidateTags(tags));
    }
    for (const tags of [null, 'tag', 5, {}]) {
      await expectCode('INVALID_TAG', () => cache.invalidateTags(tags as never));
      await expectCode('INVALID_TAG', () => cache.set('k', 1, { tags: tags as never }));
      await expectCode('INVALID_TAG', () => cache.getOrSet('k', () => 1, { valueTags: () => tags as never }));
    }
    expect(remote.log.filter(({ call }) => call !== 'read')).toEqual([]);
  });

  test('may be one of many, repeated ones counting once', async () => {
    const { cache } = await openInstance();
    const tags = Array.from({ length: MAX_TAGS }, (_, index) => `t${index}`);
    await cache.set('k', 1, { tags: [...tags, ...tags] });
    const error = await expectCode('INVALID_TAG', () => cache.set('k', 1, { tags: [...tags, 'more'] }));
    expect(error.facts).toMatchObject({ limit: MAX_TAGS, actual: MAX_TAGS + 1 });
  });
});

describe('a namespace', () => {
  test('is refused when its name could be taken for something else', async () => {
    const { cache } = await openInstance();
    for (const name of ['', 'a:b', 'a/b', 'a b', '\0', 'ä', 'x'.repeat(129), undefined, null, 5]) {
      await expectCode('INVALID_NAME', () => cache.namespace(name as string));
    }
    for (const name of ['a', '7', 'user@example.com', 'A.b_c+d=e~f-g', 'x'.repeat(128)]) cache.namespace(name);
  });

  test('has keys and tags of its own', async () => {
    const { cache } = await openInstance();
    const eu = cache.namespace('eu');
    const seven = eu.namespace('7');
    const all = [cache, eu, seven];
    for (const [index, at] of all.entries()) await at.set('k', index, { tags: ['t'] });
    expect(await Promise.all(all.map((at) => at.get('k')))).toEqual([0, 1, 2]);
    await eu.invalidateTags(['t']);
    expect(await Promise.all(all.map((at) => at.get('k')))).toEqual([0, undefined, 2]);
    await seven.delete('k');
    expect(await Promise.all(all.map((at) => at.get('k')))).toEqual([0, undefined, undefined]);
  });

  test('is cleared with those below it and no other', async () => {
    const { cache } = await openInstance();
    const names = ['eu', 'eu/7', 'eu/7/x', 'eu7', 'e', 'us'];
    const at = (path: string) => path.split('/').reduce<Namespace>((parent, name) => parent.namespace(name), cache);
    for (const name of names) await at(name).set('k', name);
    await cache.set('eu:k', 'root');
    await cache.set('\0eu:k', 'root');
    await at('eu').clear();
    const left: string[] = [];
    for (const name of names) if ((await at(name).get('k')) !== undefined) left.push(name);
    expect(left).toEqual(['eu7', 'e', 'us']);
    expect(await cache.getMany(['eu:k', '\0eu:k'])).toEqual(['root', 'root']);
    await cache.clear();
    for (const name of names) expect(await at(name).get('k')).toBe(undefined);
  });

  test('of one name twice is the same', async () => {
    const { cache } = await openInstance();
    await cache.namespace('eu').set('k', 1);
    expect(cache.namespace('eu').peek('k')).toBe(1);
  });
});

describe('a prefix', () => {
  test('must end with a colon', async () => {
    const { cache, remote } = await openInstance();
    await expectCode('INVALID_KEY', () => cache.invalidatePrefix('user'));
    expect(remote.invalidations).toEqual([]);
  });

  test('covers whole segments of its own namespace only', async () => {
    const { cache } = await openInstance();
    const eu = cache.namespace('eu');
    const keys = ['user:7:a', 'user:7:b', 'user:70:a', 'user:7', 'xuser:7:a', '\0user:7:a'];
    for (const at of [cache, eu]) for (const key of keys) await at.set(key, key);
    await eu.invalidatePrefix('user:7:');
    expect((await eu.getMany(keys)).map((value) => value !== undefined)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
    expect((await cache.getMany(keys)).every((value) => value !== undefined)).toBe(true);
    await cache.invalidatePrefix('\0user:');
    expect(await cache.get('\0user:7:a')).toBe(undefined);
    expect(await cache.get('user:7:a')).toBe('user:7:a');
    expect(await eu.get('\0user:7:a')).toBe('\0user:7:a');
  });
});
