/**
 * The objects met on one walk. Most values hold a handful, so the first four stand in fields; a `Set` comes only with
 * the fifth.
 */
export class Seen {
  #first: object | undefined;
  #second: object | undefined;
  #third: object | undefined;
  #fourth: object | undefined;
  #all: Set<object> | undefined;

  /** Whether the object was met before; now it has been. */
  meets(object: object): boolean {
    const all = this.#all;
    if (all !== undefined) {
      const before = all.size;
      all.add(object);
      return all.size === before;
    }
    if (object === this.#first || object === this.#second || object === this.#third || object === this.#fourth) {
      return true;
    }
    if (this.#first === undefined) this.#first = object;
    else if (this.#second === undefined) this.#second = object;
    else if (this.#third === undefined) this.#third = object;
    else if (this.#fourth === undefined) this.#fourth = object;
    else this.#all = new Set([this.#first, this.#second, this.#third, this.#fourth, object]);
    return false;
  }
}
