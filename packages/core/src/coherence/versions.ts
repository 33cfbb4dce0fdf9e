import { somePrefix } from '../keys.ts';
import type { Invalidation, Snapshot } from './coordinator.ts';
import { matchesGlob } from './glob.ts';
import { floorBucket, type VersionKind } from './slots.ts';

/** Patterns kept; every one costs a match for each entry that is looked at again after an invalidation. */
const MAX_PATTERNS = 64;

/** The part of a snapshot that is versions. */
export type VersionSnapshot = Omit<Snapshot, 'fences' | 'slots'>;

/**
 * The versions of invalidated tags, prefixes and patterns and of the whole cache: for each the sequence number of the last event
 * that named it. An entry is valid while none that concerns it is above the entry's lease.
 *
 * Bounded: past `limit` names the oldest are dropped and raise the floor of their hashed bucket, and a name that is
 * absent has its bucket's floor as version. Patterns have no bucket, since nobody asks for them by name: a dropped one
 * becomes a version of the whole cache. Both can make a valid entry invalid, never the other way round.
 */
export class Versions {
  readonly #limit: number;
  // Re-inserted at every update, so that iteration order is version order and the oldest comes first.
  readonly #tags = new Map<string, number>();
  readonly #prefixes = new Map<string, number>();
  readonly #patterns = new Map<string, number>();
  readonly #floors = new Map<number, number>();
  #clear = 0;
  #newest = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Sequence number of the last event that cleared the whole cache; 0 for never. */
  get clear(): number {
    return this.#clear;
  }

  /** The highest version of all; what holds a lease of at least this is valid without a look at the rest. */
  get newest(): number {
    return this.#newest;
  }

  /** Number of names held, for statistics and tests. */
  get size(): number {
    return this.#tags.size + this.#prefixes.size + this.#patterns.size;
  }

  /** Notes an event; answers whether anything but keys was in it. */
  raise(seq: number, invalidation: Invalidation): boolean {
    const { tags, prefixes, patterns, clear } = invalidation;
    if (tags.length === 0 && prefixes.length === 0 && patterns.length === 0 && !clear) return false;
    for (const tag of tags) this.#raiseName('t', this.#tags, tag, seq);
    for (const prefix of prefixes) this.#raiseName('p', this.#prefixes, prefix, seq);
    for (const pattern of patterns) this.#raisePattern(pattern, seq);
    if (clear) this.#raiseClear(seq);
    this.#prune();
    return true;
  }

  /** Takes in a snapshot of the same epoch. Versions only grow, so the higher of both sides holds. */
  merge(snapshot: VersionSnapshot): void {
    for (const [tag, seq] of inOrder(snapshot.tags)) this.#raiseName('t', this.#tags, tag, seq);
    for (const [prefix, seq] of inOrder(snapshot.prefixes)) this.#raiseName('p', this.#prefixes, prefix, seq);
    for (const [pattern, seq] of inOrder(snapshot.patterns)) this.#raisePattern(pattern, seq);
    for (const [bucket, seq] of snapshot.floors) this.#raiseFloor(bucket, seq);
    this.#raiseClear(snapshot.clear);
    this.#prune();
  }

  /** A copy of everything held, for an instance that has to start over. */
  snapshot(): VersionSnapshot {
    return {
      tags: new Map(this.#tags),
      prefixes: new Map(this.#prefixes),
      patterns: new Map(this.#patterns),
      clear: this.#clear,
      floors: new Map(this.#floors),
    };
  }

  /** Forgets everything: what follows is another epoch, or is told anew within this one. */
  reset(): void {
    this.#tags.clear();
    this.#prefixes.clear();
    this.#patterns.clear();
    this.#floors.clear();
    this.#clear = 0;
    this.#newest = 0;
  }

  /** Whether an entry of this key and these tags, dated `lease`, is still good. */
  isValid(key: string, tags: readonly string[], lease: number): boolean {
    if (this.#newest <= lease) return true;
    if (this.#clear > lease) return false;
    for (const tag of tags) {
      if (this.#versionOf('t', this.#tags, tag) > lease) return false;
    }
    for (const [pattern, version] of this.#patterns) {
      if (version > lease && matchesGlob(pattern, key)) return false;
    }
    if (this.#prefixes.size === 0 && this.#floors.size === 0) return true;
    return !somePrefix(key, (prefix) => this.#versionOf('p', this.#prefixes, prefix) > lease);
  }

  #versionOf(kind: VersionKind, versions: Map<string, number>, name: string): number {
    const version = versions.get(name) ?? 0;
    if (this.#floors.size === 0) return version;
    // A name held here may have been pruned on the other side, after a later event than the one noted here.
    return Math.max(version, this.#floors.get(floorBucket(kind, name)) ?? 0);
  }

  #raiseName(kind: VersionKind, versions: Map<string, number>, name: string, seq: number): void {
    if (seq <= this.#versionOf(kind, versions, name)) return;
    versions.delete(name);
    versions.set(name, seq);
    this.#newest = Math.max(this.#newest, seq);
  }

  #raiseFloor(bucket: number, seq: number): void {
    if (seq <= (this.#floors.get(bucket) ?? 0)) return;
    this.#floors.set(bucket, seq);
    this.#newest = Math.max(this.#newest, seq);
  }

  #raisePattern(pattern: string, seq: number): void {
    if (seq <= (this.#patterns.get(pattern) ?? 0)) return;
    this.#patterns.delete(pattern);
    this.#patterns.set(pattern, seq);
    this.#newest = Math.max(this.#newest, seq);
  }

  #raiseClear(seq: number): void {
    this.#clear = Math.max(this.#clear, seq);
    this.#newest = Math.max(this.#newest, seq);
  }

  #prune(): void {
    while (this.#patterns.size > MAX_PATTERNS) {
      const seq = dropOldest(this.#patterns)?.[1] ?? 0;
      this.#raiseClear(seq);
    }
    while (this.size > this.#limit) {
      const isTag = this.#tags.size >= this.#prefixes.size;
      const oldest = dropOldest(isTag ? this.#tags : this.#prefixes);
      if (oldest === undefined) return;
      this.#raiseFloor(floorBucket(isTag ? 't' : 'p', oldest[0]), oldest[1]);
    }
  }
}

function dropOldest(versions: Map<string, number>): [name: string, seq: number] | undefined {
  for (const oldest of versions) {
    versions.delete(oldest[0]);
    return oldest;
  }
  return undefined;
}

function inOrder(versions: ReadonlyMap<string, number>): [string, number][] {
  return [...versions].sort((a, b) => a[1] - b[1]);
}
