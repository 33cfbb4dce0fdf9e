// Checked by the compiler only: `npm run typecheck`.

import { expectTypeOf } from 'vitest';
import type { Cache, CacheEntry, KeyParam, Keyspace } from '../src/index.ts';

declare const cache: Cache;

interface Project {
  readonly id: number;
}

const projects = cache.keyspace('user:{userId}:projects:{page}', {
  ttl: '5m',
  tags: ({ userId }) => [`user:${userId}`],
  load: async ({ userId, page }): Promise<Project[]> => {
    expectTypeOf(userId).toEqualTypeOf<KeyParam>();
    expectTypeOf(page).toEqualTypeOf<KeyParam>();
    return [];
  },
  valueTags: (value, { userId }) => {
    expectTypeOf(value).toEqualTypeOf<Project[]>();
    return [`${value.length}:${userId}`];
  },
});

// The value is inferred from load, promises apart, and a read always has one.
expectTypeOf(projects.get({ userId: 1, page: 2 })).toEqualTypeOf<Promise<Project[]>>();
expectTypeOf(projects.getMany([{ userId: 1, page: 2 }])).toEqualTypeOf<Promise<Project[][]>>();
expectTypeOf(projects.peek({ userId: 1, page: 2 })).toEqualTypeOf<Project[] | undefined>();
expectTypeOf(projects.entry({ userId: 1, page: 2 })).toEqualTypeOf<Promise<CacheEntry<Project[]> | undefined>>();
expectTypeOf(projects.set).parameter(1).toEqualTypeOf<Project[]>();
expectTypeOf(projects.key({ userId: 'x', page: 10n })).toEqualTypeOf<string>();

// @ts-expect-error a parameter is missing
void projects.get({ userId: 1 });
// @ts-expect-error a parameter nobody knows
void projects.get({ userId: 1, page: 2, other: 3 });
// @ts-expect-error no parameters at all
void projects.get();
// @ts-expect-error not printable
void projects.get({ userId: 1, page: {} });
// @ts-expect-error not printable
void projects.get({ userId: 1, page: null });
// @ts-expect-error another value
void projects.set({ userId: 1, page: 2 }, 'x');
// @ts-expect-error the loader brings another value
void projects.getOrSet({ userId: 1, page: 2 }, () => 'x');
void projects.set({ userId: 1, page: 2 }, [], { version: 5 });
// @ts-expect-error the lifetime is the keyspace's
void projects.set({ userId: 1, page: 2 }, [], { ttl: '1h' });
// @ts-expect-error no options of a load in a read
void projects.get({ userId: 1, page: 2 }, { ttl: 5 });

// An annotation narrows the parameters.
const narrowed = cache.keyspace('user:{id}', { load: ({ id }: { id: number }) => ({ id }) });
expectTypeOf(narrowed).toEqualTypeOf<Keyspace<{ id: number }, { id: number }, { id: number }>>();
void narrowed.get({ id: 7 });
// @ts-expect-error narrowed to numbers
void narrowed.get({ id: '7' });
// @ts-expect-error the annotation names another parameter
cache.keyspace('user:{id}', { load: ({ key }: { key: number }) => key });

// Without load a read may have nothing, and the value is what the type argument says.
const users = cache.keyspace<'user:{id}', Project>('user:{id}');
expectTypeOf(users.get({ id: 1 })).toEqualTypeOf<Promise<Project | undefined>>();
expectTypeOf(users.getOrSet({ id: 1 }, () => ({ id: 1 }))).toEqualTypeOf<Promise<Project>>();
expectTypeOf(cache.keyspace('user:{id}').get({ id: 1 })).toEqualTypeOf<Promise<unknown>>();

// A template without placeholders has no parameters.
const all = cache.keyspace('all', { load: () => 1 });
expectTypeOf(all.get({})).toEqualTypeOf<Promise<number>>();

// Lifetimes are computed from the value.
cache.keyspace('a:{id}', {
  load: () => ({ seconds: 5 }),
  ttl: (value) => {
    expectTypeOf(value).toEqualTypeOf<{ seconds: number }>();
    return `${value.seconds}s`;
  },
});

// Values of the untyped face.
expectTypeOf(cache.getOrSet('k', () => 1)).toEqualTypeOf<Promise<number>>();
expectTypeOf(cache.getOrSet('k', async () => ({ a: 1 }))).toEqualTypeOf<Promise<{ a: number }>>();
expectTypeOf(cache.get<Project>('k')).toEqualTypeOf<Promise<Project | undefined>>();
expectTypeOf(cache.get('k')).toEqualTypeOf<Promise<unknown>>();
expectTypeOf(cache.namespace('eu').getMany<Project>(['k'])).toEqualTypeOf<Promise<(Project | undefined)[]>>();
void cache.getOrSet('k', () => ({ id: 1 }), { ttl: ({ id }) => id, valueTags: ({ id }) => [`${id}`] });
// @ts-expect-error the value has no such member
void cache.getOrSet('k', () => ({ id: 1 }), { ttl: ({ seconds }) => seconds });
