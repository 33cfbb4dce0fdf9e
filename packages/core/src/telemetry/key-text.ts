const NUL = '\0';

/** A scoped key as people write it: `eu/7:user:1` for `user:1` in the namespace `eu/7`. */
export function keyText(scopedKey: string): string {
  if (!scopedKey.startsWith(NUL)) return scopedKey;
  return scopedKey.startsWith(`${NUL}:`) ? scopedKey.slice(2) : scopedKey.slice(1);
}
