import type { MutateContext, MutateResult } from '../../src/engine/mutations.ts';
import type { MutateOptions, MutateTarget } from '../../src/mutate.ts';
import { settled } from './fake-clock.ts';
import type { Instance } from './instances.ts';
import { MEMBER } from './member.ts';

/** Life of a fence unless a test asks for another one. */
export const FENCE_MS = 30_000;

/** A guarded write that has closed its fences and waits to be ended. */
export async function begin(at: Instance, target: MutateTarget, options?: MutateOptions) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let context: MutateContext | undefined;
  const result = at.cache.mutate(
    target,
    (given) => {
      context = given;
      return promise;
    },
    options,
  );
  result.catch(() => {});
  await settled();
  return {
    result,
    get signal(): AbortSignal | undefined {
      return context?.signal;
    },
    async commit(): Promise<MutateResult<string>> {
      resolve('written');
      return result;
    },
    fail: reject,
  };
}

/** Every event so far. */
export function history({ hub }: Instance) {
  const { epoch } = hub.authority.capture();
  return hub.authority.tail({ member: MEMBER, epoch, applied: 0 }, 0).events;
}
