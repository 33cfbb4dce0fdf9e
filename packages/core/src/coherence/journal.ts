import { somePrefix } from '../keys.ts';
import type { Invalidation } from './coordinator.ts';
import { matchesGlob } from './glob.ts';

/**
 * Own invalidations that nobody has confirmed. While they wait, reads of this instance that they cover go to the
 * loader; at reconnect they are delivered in the order of their calls.
 *
 * Bounded by `limit` names and as many calls; past it everything becomes one `clear`, which covers it all.
 */
export class Journal {
  readonly #limit: number;
  #waiting: Invalidation[] = [];
  readonly #keys = new Map<string, number>();
  readonly #tags = new Map<string, number>();
  readonly #prefixes = new Map<string, number>();
  readonly #patterns = new Map<string, number>();
  #clears = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Names waiting; 0 when everything is delivered. */
  get size(): number {
    return this.#keys.size + this.#tags.size + this.#prefixes.size + this.#patterns.size + this.#clears;
  }

  add(invalidation: Invalidation): void {
    this.#count(invalidation, 1);
    this.#waiting.push(invalidation);
    if (this.size > this.#limit || this.#waiting.length > this.#limit) this.#collapse();
  }

  /** The oldest ones waiting with at most `maxNames` names together, at least one; covered until `delivered`. */
  first(maxNames: number): readonly Invalidation[] {
    let names = 0;
    const end = this.#waiting.findIndex((invalidation) => {
      const { keys, tags, prefixes, patterns } = invalidation;
      names += keys.length + tags.length + prefixes.length + patterns.length;
      return names > maxNames;
    });
    return end === -1 ? this.#waiting.slice() : this.#waiting.slice(0, Math.max(1, end));
  }

  /** Ends the cover of an invalidation. Without effect when it was folded into a `clear` meanwhile. */
  delivered(invalidation: Invalidation): void {
    const index = this.#waiting.indexOf(invalidation);
    if (index === -1) return;
    this.#waiting.splice(index, 1);
    this.#count(invalidation, -1);
  }

  /** The calls waiting now; to be handed to `outdo` later. */
  waiting(): ReadonlySet<Invalidation> {
    return new Set(this.#waiting);
  }

  /**
   * Ends the cover of those calls among `earlier` that name `key` and nothing else: a later own call on the key has been
   * confirmed, and delivering them now would only forget what that one stored.
   */
  outdo(key: string, earlier: ReadonlySet<Invalidation>): void {
    for (const invalidation of earlier) {
      const { keys, tags, prefixes, patterns, clear } = invalidation;
      const isOnlyKey = keys.length === 1 && keys[0] === key && tags.length + prefixes.length + patterns.length === 0;
      if (isOnlyKey && !clear) this.delivered(invalidation);
    }
  }

  /** Whether an own call that is not delivered concerns this key or one of these tags. */
  covers(key: string, tags: readonly string[]): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#clears > 0 || this.#keys.has(key)) return true;
    if (this.#tags.size > 0 && tags.some((tag) => this.#tags.has(tag))) return true;
    for (const pattern of this.#patterns.keys()) {
      if (matchesGlob(pattern, key)) return true;
    }
    return this.#prefixes.size > 0 && somePrefix(key, (prefix) => this.#prefixes.has(prefix));
  }

  #collapse(): void {
    this.#waiting = [];
    this.#keys.clear();
    this.#tags.clear();
    this.#prefixes.clear();
    this.#patterns.clear();
    this.#clears = 0;
    this.add({ keys: [], tags: [], prefixes: [], patterns: [], clear: true });
  }

  #count(invalidation: Invalidation, step: 1 | -1): void {
    for (const key of invalidation.keys) bump(this.#keys, key, step);
    for (const tag of invalidation.tags) bump(this.#tags, tag, step);
    for (const prefix of invalidation.prefixes) bump(this.#prefixes, prefix, step);
    for (const pattern of invalidation.patterns) bump(this.#patterns, pattern, step);
    if (invalidation.clear) this.#clears += step;
  }
}

function bump(counts: Map<string, number>, name: string, step: 1 | -1): void {
  const count = (counts.get(name) ?? 0) + step;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
