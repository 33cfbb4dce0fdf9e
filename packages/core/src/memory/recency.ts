import { ChurnMap } from '../churn-map.ts';

/** What a member of a {@link RecencyMap} carries for the map, which alone writes to it. */
export interface RecencyNode<N> {
  /** How many puts the map had seen when this one was last moved to the recent end. */
  movedAtPut: number;
  /** Neighbours by time of use. */
  older: N | undefined;
  newer: N | undefined;
  /** Key and weight it stands under. */
  key: string;
  weight: number;
}

/** One sixteenth of the entries, as a shift. */
const PATIENCE_SHIFT = 4;

/**
 * A map in order of use, from whose old end room is made.
 *
 * A use moves a node to the recent end only when there have been as many puts since its last move as a sixteenth of the
 * map has entries. Between two moves a hit writes nothing at all: most hits are on few nodes, and moving those each time
 * is what an LRU spends its time on. What it costs: a node can be dropped although it was used after one that stays, but
 * only if that one was used within the last sixteenth of the map's size in puts as well. Maps of fewer than 16 entries
 * are in exact order. The idea is the one Memcached's LRU rests on, which moves an item at most once a minute
 * (its doc/new_lru.txt); puts are counted here instead of seconds, since only puts push anything out.
 *
 * Nodes are the entries themselves, so there is no second table to look into. Keys are held by the node and by the map.
 */
export class RecencyMap<N extends RecencyNode<N>> {
  readonly #byKey = new ChurnMap<N>();
  #oldest: N | undefined;
  #newest: N | undefined;
  #puts = 0;
  #patience = 0;
  #weight = 0;

  get size(): number {
    return this.#byKey.size;
  }

  /** Sum of the weights. */
  get weight(): number {
    return this.#weight;
  }

  get oldest(): N | undefined {
    return this.#oldest;
  }

  /** The node, used. */
  get(key: string): N | undefined {
    const node = this.#byKey.get(key);
    if (node !== undefined && this.#puts - node.movedAtPut >= this.#patience && node !== this.#newest) {
      this.#unlink(node);
      this.#append(node);
    }
    return node;
  }

  /** The node, without having used it. */
  peek(key: string): N | undefined {
    return this.#byKey.get(key);
  }

  /** Puts a node that is in no map yet at the recent end, in place of `present`, which stands under the key. */
  put(key: string, node: N, weight: number, present: N | undefined): void {
    if (present !== undefined) this.#detach(present);
    this.#puts++;
    node.key = key;
    node.weight = weight;
    this.#weight += weight;
    this.#append(node);
    this.#byKey.set(key, node);
    this.#patience = this.#byKey.size >> PATIENCE_SHIFT;
  }

  delete(key: string): boolean {
    const node = this.#byKey.get(key);
    if (node === undefined) return false;
    this.#byKey.delete(key);
    this.#detach(node);
    this.#patience = this.#byKey.size >> PATIENCE_SHIFT;
    return true;
  }

  clear(): void {
    this.#byKey.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#weight = 0;
    this.#patience = 0;
  }

  keys(): MapIterator<string> {
    return this.#byKey.keys();
  }

  #detach(node: N): void {
    this.#weight -= node.weight;
    this.#unlink(node);
  }

  #unlink(node: N): void {
    const { older, newer } = node;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // Whoever still holds the node must not hold its neighbours with it.
    node.older = undefined;
    node.newer = undefined;
  }

  #append(node: N): void {
    const newest = this.#newest;
    node.older = newest;
    node.newer = undefined;
    node.movedAtPut = this.#puts;
    if (newest === undefined) this.#oldest = node;
    else newest.newer = node;
    this.#newest = node;
  }
}
