/** Deletions after which a map of few entries is made anew. */
const MIN_DELETIONS = 64;

/** Entries up to which it is: more of them live so long that it makes no difference. */
const MAX_REBUILT_ENTRIES = 1_024;

/**
 * A `Map` for what comes and goes by the thousands a second.
 *
 * Why not a plain one: V8 keeps a map in a table that it replaces when it has filled up with deletions, and the old table
 * points to the new one for the sake of iterators (`OrderedHashTable` in src/objects/ordered-hash-table.cc). Once a single
 * such table has survived long enough to be kept with the old objects, it holds all that follow until the next full
 * collection, with whatever was in them: every small collection then copies what should have been garbage. Making the map
 * anew cuts that chain.
 *
 * Cost: the entries that are there are put into a new map each time as many have been deleted, so a constant for each
 * deletion. Iteration is in order of insertion, as in any map.
 */
export class ChurnMap<V> {
  #map = new Map<string, V>();
  #deletions = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: string): V | undefined {
    return this.#map.get(key);
  }

  set(key: string, value: V): void {
    this.#map.set(key, value);
  }

  delete(key: string): boolean {
    const map = this.#map;
    if (!map.delete(key)) return false;
    if (++this.#deletions >= MIN_DELETIONS && map.size <= MAX_REBUILT_ENTRIES && this.#deletions >= map.size) {
      this.#map = new Map(map);
      this.#deletions = 0;
    }
    return true;
  }

  clear(): void {
    this.#map = new Map();
    this.#deletions = 0;
  }

  keys(): MapIterator<string> {
    return this.#map.keys();
  }
}
