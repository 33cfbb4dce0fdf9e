import type { CacheError } from '../../src/errors.ts';
import type { PlainRead, PlainStore, PlainWrite } from '../../src/store/plain-store.ts';

/** A layer without scripts in a map: writes can be held back, lost or failed, and arrive whenever a test lets them. */
export class HeldPlainStore implements PlainStore {
  readonly limits = { maxBatch: 100, maxValueBytes: 10_000 };
  readonly items = new Map<string, Uint8Array>();
  /** What the next commands come to, as long as it is set. */
  fault: CacheError | undefined;
  isHolding = false;
  /** All writes that were asked for. */
  readonly writes: PlainWrite[] = [];
  /** Reads and writes asked for. */
  calls = 0;
  #held: PlainWrite[] = [];

  async read(names: readonly string[]): Promise<readonly PlainRead[]> {
    this.calls++;
    return names.map((name) => this.fault ?? this.items.get(name));
  }

  async write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]> {
    this.calls++;
    this.writes.push(...writes);
    if (this.isHolding) this.#held.push(...writes);
    else if (this.fault === undefined) this.#take(writes);
    return writes.map(() => this.fault);
  }

  async close(): Promise<void> {}

  /** Lets what was held back arrive, however much later. */
  release(): void {
    this.#take(this.#held.splice(0));
  }

  #take(writes: readonly PlainWrite[]): void {
    for (const { name, bytes } of writes) this.items.set(name, bytes);
  }
}
