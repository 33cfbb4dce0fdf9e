import type { HistoryEvent, InvalidateEvent, SetEvent } from '../history/events.ts';
import type { Orphans } from './contract.ts';

/**
 * The source of truth of a run: the newest version of every key, who still has to invalidate what, and who has locked a
 * key for a `set`.
 *
 * A `set` writes a value that was computed before the call. Were another process to commit between the commit of that
 * value and its `set`, the older value would be set last, in any cache: the lock keeps the application, not the cache,
 * from that mistake.
 */
export class Truth {
  readonly #versions = new Map<string, number>();
  readonly #lockedBy = new Map<string, string>();
  /** Instance → key → newest version it committed and has not delivered an invalidation of. */
  readonly #owed = new Map<string, Map<string, number>>();

  constructor(keys: readonly string[]) {
    for (const key of keys) this.#versions.set(key, 1);
  }

  get versions(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#versions);
  }

  /** Number of keys with a commit that no delivered invalidation has followed. */
  get owed(): number {
    return [...this.#owed.values()].reduce((sum, keys) => sum + keys.size, 0);
  }

  load(key: string): number {
    return this.#versions.get(key) ?? 0;
  }

  commit(instance: string, keys: readonly string[], forSet: boolean): readonly number[] | undefined {
    if (keys.some((key) => this.#lockedBy.has(key))) return undefined;
    return keys.map((key) => {
      const version = this.load(key) + 1;
      this.#versions.set(key, version);
      this.#owedBy(instance).set(key, version);
      if (forSet) this.#lockedBy.set(key, instance);
      return version;
    });
  }

  unlock(instance: string, keys: readonly string[]): void {
    for (const key of keys) if (this.#lockedBy.get(key) === instance) this.#lockedBy.delete(key);
  }

  /** Notes which commits are followed by a delivered invalidation now. */
  note(events: readonly HistoryEvent[]): void {
    for (const event of events) {
      if (event.type === 'set' || event.type === 'invalidate') this.#noteWrite(event);
    }
  }

  /** Takes over what a dead process owes, for `heir` to deliver. */
  bequeath(instance: string, heir: string): Orphans {
    for (const [key, owner] of this.#lockedBy) if (owner === instance) this.#lockedBy.delete(key);
    const owed = this.#owedBy(instance);
    this.#owed.delete(instance);
    const own = this.#owedBy(heir);
    for (const [key, version] of owed) own.set(key, version);
    return { keys: [...owed.keys()], versions: [...owed.values()] };
  }

  #noteWrite(event: InvalidateEvent | SetEvent): void {
    if (!event.delivered) return;
    const owed = this.#owed.get(event.instance);
    if (owed === undefined) return;
    const keys = event.type === 'set' ? [event.key] : event.keys;
    const versions = event.type === 'set' ? [event.version] : event.versions;
    if (keys === 'all' || versions === undefined) return;
    for (const [index, key] of keys.entries()) {
      if ((owed.get(key) ?? Number.POSITIVE_INFINITY) <= (versions[index] ?? 0)) owed.delete(key);
    }
  }

  #owedBy(instance: string): Map<string, number> {
    let owed = this.#owed.get(instance);
    if (owed === undefined) {
      owed = new Map();
      this.#owed.set(instance, owed);
    }
    return owed;
  }
}
