import type { SeededRandom } from '../random.ts';

/** The source of truth: one committed version a key, always the newest to everybody who reads. */
export class Database {
  readonly #versions = new Map<string, number>();
  readonly #tags: ReadonlyMap<string, readonly string[]>;

  /** Each key carries a few of the tags for good, and one that changes with its version. */
  constructor(keys: readonly string[], tags: readonly string[], random: SeededRandom) {
    const lasting = tags.filter((tag) => tag.startsWith('t'));
    this.#tags = new Map(keys.map((key) => [key, lasting.filter(() => random.chance(0.3))]));
  }

  version(key: string): number {
    return this.#versions.get(key) ?? 0;
  }

  commit(key: string): number {
    const version = this.version(key) + 1;
    this.#versions.set(key, version);
    return version;
  }

  /** The tags a key always has. */
  tagsOf(key: string): readonly string[] {
    return this.#tags.get(key) ?? [];
  }

  /** Whether the newest value of a key has a tag. */
  carries(key: string, tag: string): boolean {
    return this.tagsOf(key).includes(tag) || this.tagOf(this.version(key)) === tag;
  }

  /** The tag that only the value tells. */
  tagOf(version: number): string {
    return `x${version % 2}`;
  }
}
