import type { CacheError } from '../../src/errors.ts';
import type { PlainRead, PlainStore, PlainStoreLimits, PlainWrite } from '../../src/store/plain-store.ts';

/** A layer without scripts in a map: writes can be held back, lost or failed, and arrive whenever a test lets them. */
export class HeldPlainStore implements PlainStore {
  readonly limits: PlainStoreLimits;
  readonly items = new Map<string, Uint8Array>();
  /** What the next commands come to, as long as it is set. */
  fault: CacheError | undefined;
  /** The one part that `fault` is about; `undefined` for all of them. */
  faultyPart: number | undefined;
  /** What the faulty part's commands wait for before they fail. */
  deadline: Promise<void> | undefined;
  isHolding = false;
  /** All writes that were asked for. */
  readonly writes: PlainWrite[] = [];
  /** Reads and writes asked for. */
  calls = 0;
  #held: PlainWrite[] = [];

  constructor(parts = 1) {
    this.limits = { maxBatch: 100, maxValueBytes: 10_000, parts };
  }

  /** By the number that a name ends in. */
  partOf(name: string): number {
    return Number(/\d*$/.exec(name)?.[0]) % this.limits.parts;
  }

  async read(names: readonly string[]): Promise<readonly PlainRead[]> {
    this.calls++;
    if (names.some((name) => this.#faultOf(name))) await this.deadline;
    return names.map((name) => this.#faultOf(name) ?? this.items.get(name));
  }

  async write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]> {
    this.calls++;
    this.writes.push(...writes);
    if (this.isHolding) this.#held.push(...writes);
    else this.#take(writes.filter(({ name }) => this.#faultOf(name) === undefined));
    return writes.map(({ name }) => this.#faultOf(name));
  }

  async close(): Promise<void> {}

  /** Lets what was held back arrive, however much later. */
  release(): void {
    this.#take(this.#held.splice(0));
  }

  #faultOf(name: string): CacheError | undefined {
    return this.faultyPart === undefined || this.partOf(name) === this.faultyPart ? this.fault : undefined;
  }

  #take(writes: readonly PlainWrite[]): void {
    for (const { name, bytes } of writes) this.items.set(name, bytes);
  }
}
