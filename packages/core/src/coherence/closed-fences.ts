import { somePrefix } from '../keys.ts';
import type { ClosedFence, FenceChange, Invalidation } from './coordinator.ts';

/**
 * The fences that are closed as far as this instance knows. They are few and short-lived; while there is none, every
 * question costs one comparison. Only events and snapshots change them, never a local clock.
 */
export class ClosedFences {
  readonly #fences = new Map<
    string,
    { isExclusive: boolean; keys: Set<string>; tags: Set<string>; prefixes: Set<string> }
  >();

  get size(): number {
    return this.#fences.size;
  }

  apply(change: FenceChange, invalidation: Invalidation): void {
    if (change.kind === 'lift') this.#fences.delete(change.id);
    else this.#close({ id: change.id, isExclusive: change.isExclusive, ...invalidation });
  }

  /** Takes over what a snapshot shows; what it does not show is open. */
  replace(fences: readonly ClosedFence[]): void {
    this.#fences.clear();
    for (const fence of fences) this.#close(fence);
  }

  /** Whether a load of `key` with these tags begins under a closed fence. Unknown tags are taken to be covered. */
  covers(key: string, tags: readonly string[], hasUnknownTags: boolean): boolean {
    return this.#some(key, tags, hasUnknownTags, false);
  }

  /** Whether one of them keeps loads from being shared. */
  coversExclusively(key: string, tags: readonly string[], hasUnknownTags: boolean): boolean {
    return this.#some(key, tags, hasUnknownTags, true);
  }

  #close({ id, isExclusive, keys, tags, prefixes }: ClosedFence): void {
    this.#fences.set(id, {
      isExclusive,
      keys: new Set(keys),
      tags: new Set(tags),
      prefixes: new Set(prefixes),
    });
  }

  #some(key: string, tags: readonly string[], hasUnknownTags: boolean, isExclusiveOnly: boolean): boolean {
    if (this.#fences.size === 0) return false;
    for (const fence of this.#fences.values()) {
      if (isExclusiveOnly && !fence.isExclusive) continue;
      if (fence.keys.has(key)) return true;
      if (fence.tags.size > 0 && (hasUnknownTags || tags.some((tag) => fence.tags.has(tag)))) return true;
      if (fence.prefixes.size > 0 && somePrefix(key, (prefix) => fence.prefixes.has(prefix))) return true;
    }
    return false;
  }
}
