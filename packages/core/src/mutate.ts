import { toTags } from './call-options.ts';
import { checkObject, invalidOption, oneOf, wholeNumber } from './checks.ts';
import { type Duration, toMs } from './duration.ts';
import type { MutateNames, MutatePlan } from './engine/mutations.ts';
import { checkKey, checkPrefix, type Scope, scoped } from './keys.ts';

/** What a guarded write changes; at least one name. */
export interface MutateTarget {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  /** Each ending with `:`. */
  readonly prefixes?: readonly string[];
}

export interface MutateOptions {
  /**
   * How long the fences stay closed when this process stops renewing them. A write that could still commit later must
   * have been ended by its database by then: set its transaction timeout below. Default `'30s'`, range 1 s to 10 min.
   */
  readonly fence?: Duration;
  /**
   * - `bounded`: no instance answers the old value for longer than Δ after the call resolved.
   * - `linearizable`: no registered instance answers it at all after the call resolved. Costs a wait for the others to
   *   have heard, up to the longest Δ among them where one does not answer.
   *
   * Default `bounded`.
   */
  readonly consistency?: 'bounded' | 'linearizable';
  /**
   * What happens when a fence cannot be closed: `reject` with `FENCE_UNAVAILABLE` before the write, or `run` it unfenced,
   * invalidate afterwards, and say so in the result. Default `reject`.
   */
  readonly unfenced?: 'reject' | 'run';
}

const TARGET = ['keys', 'tags', 'prefixes'];
const OPTIONS = ['fence', 'consistency', 'unfenced'];
const DEFAULT_FENCE_MS = 30_000;
const FENCE_RANGE_MS = [1_000, 600_000] as const;

/** Most names in one guarded write. */
const MAX_NAMES = 500;

/** The names of a target as the layers below know them. */
export function toMutateNames(scope: Scope, target: MutateTarget): MutateNames {
  checkObject(target, 'target', TARGET);
  const { keys = [], tags = [], prefixes = [] } = target;
  for (const key of list(keys, 'target.keys')) checkKey(key);
  for (const prefix of list(prefixes, 'target.prefixes')) checkPrefix(prefix);
  const count = keys.length + list(tags, 'target.tags').length + prefixes.length;
  wholeNumber(count, undefined, 'the number of names in target', [1, MAX_NAMES]);
  return {
    keys: [...new Set(keys.map((key) => scoped(scope, key)))],
    tags: toTags(scope, tags),
    prefixes: [...new Set(prefixes.map((prefix) => scoped(scope, prefix)))],
  };
}

/** Options of a guarded write, validated. */
export function toMutatePlan(options: MutateOptions): MutatePlan {
  checkObject(options, 'options', OPTIONS);
  const lifeMs = options.fence === undefined ? DEFAULT_FENCE_MS : toMs(options.fence, 'fence');
  wholeNumber(lifeMs, undefined, 'fence', FENCE_RANGE_MS);
  return {
    lifeMs,
    isLinearizable:
      oneOf(options.consistency, ['bounded', 'linearizable'], 'bounded', 'consistency') === 'linearizable',
    runsUnfenced: oneOf(options.unfenced, ['reject', 'run'], 'reject', 'unfenced') === 'run',
  };
}

function list(names: readonly string[], subject: string): readonly string[] {
  if (Array.isArray(names)) return names;
  throw invalidOption(subject, 'must be an array');
}
