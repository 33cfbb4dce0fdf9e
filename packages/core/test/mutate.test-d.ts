// Types of guarded writes, patterns and versions, held by the type check.
import {
  type Cache,
  type CollectProgress,
  createCache,
  type InvalidationResult,
  type MutateContext,
  type MutateOptions,
  type MutateResult,
  type MutateTarget,
  type Namespace,
  type PatternResult,
  type SetResult,
} from 'tierwise';
import { expectTypeOf } from 'vitest';

const cache: Cache = createCache({ name: 'types', ttl: '1m', memory: { maxEntries: 10 }, maxLoads: 10 });

// The result carries what the write answers, awaited.
expectTypeOf(cache.mutate({ keys: ['k'] }, () => 7)).toEqualTypeOf<Promise<MutateResult<number>>>();
expectTypeOf(cache.mutate({ tags: ['t'] }, async () => ({ id: 7 }))).toEqualTypeOf<
  Promise<MutateResult<{ id: number }>>
>();
expectTypeOf(cache.mutate({ prefixes: ['p:'] }, () => {})).toEqualTypeOf<Promise<MutateResult<void>>>();
expectTypeOf<MutateResult<string>>().toEqualTypeOf<{
  readonly value: string;
  readonly delivered: boolean;
  readonly fenced: boolean;
  readonly linearized: boolean;
}>();
void cache.mutate({ keys: ['k'] }, (context) => {
  expectTypeOf(context).toEqualTypeOf<MutateContext>();
  expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
});
expectTypeOf<Namespace['mutate']>().toEqualTypeOf<Cache['mutate']>();

expectTypeOf<MutateOptions['consistency']>().toEqualTypeOf<'bounded' | 'linearizable' | undefined>();
expectTypeOf<MutateOptions['unfenced']>().toEqualTypeOf<'reject' | 'run' | undefined>();
expectTypeOf<MutateTarget['keys']>().toEqualTypeOf<readonly string[] | undefined>();
// @ts-expect-error a target is of keys, tags and prefixes
void cache.mutate({ patterns: ['*'] }, () => 1);
// @ts-expect-error no such consistency
void cache.mutate({ keys: ['k'] }, () => 1, { consistency: 'strong' });
// @ts-expect-error a duration
void cache.mutate({ keys: ['k'] }, () => 1, { fence: 'long' });
// @ts-expect-error a write is a function
void cache.mutate({ keys: ['k'] }, 'write');

expectTypeOf(cache.invalidatePattern('*')).toEqualTypeOf<Promise<PatternResult>>();
expectTypeOf<PatternResult>().toExtend<InvalidationResult>();
expectTypeOf<PatternResult['collected']>().toEqualTypeOf<Promise<number>>();
void cache.invalidatePattern('*', {
  collect: true,
  onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<CollectProgress>(),
});

expectTypeOf(cache.set('k', 1, { version: 7 })).toEqualTypeOf<Promise<SetResult>>();
expectTypeOf<SetResult['outdated']>().toEqualTypeOf<boolean>();
// @ts-expect-error a version is a number
void cache.set('k', 1, { version: '7' });
// @ts-expect-error a loaded value has no version
void cache.getOrSet('k', () => 1, { version: 7 });
