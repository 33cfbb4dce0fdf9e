/**
 * Hashes that every instance of every version must compute alike: they name places in shared state.
 *
 * FNV-1a over UTF-16 code units, finished with the 32-bit mixer of MurmurHash3 because FNV's low bits alone are poorly
 * spread. Sources: Fowler, Noll, Vo (IETF draft-eastlake-fnv); Appleby, MurmurHash3 `fmix32`.
 */

/** Fence slots a partition has. */
export const FENCE_SLOTS = 16_384;
/** Buckets that versions pruned from memory leave their floor in. */
export const FLOOR_BUCKETS = 65_536;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export function hash32(text: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The fence slot of a scoped key. */
export function fenceSlot(key: string): number {
  return hash32(key) & (FENCE_SLOTS - 1);
}

/** What a version is the version of; also the first letter of its field in shared state. */
export type VersionKind = 't' | 'p';

/** The floor bucket of a tag (`t`) or prefix (`p`). */
export function floorBucket(kind: VersionKind, name: string): number {
  return hash32(kind + name) & (FLOOR_BUCKETS - 1);
}

/** The partition of `count` that a scoped key belongs to. Other bits than those of the fence slot. */
export function partitionIndex(key: string, count: number): number {
  return Math.floor(((hash32(key) >>> 14) / 2 ** 18) * count);
}
