/** Lifetimes above it are taken for a Unix time. */
const MAX_RELATIVE_S = 30 * 24 * 60 * 60;
/** The field has 32 bits. */
const MAX_EXPIRY_S = 2 ** 32 - 1;

/**
 * The expiry a server is given for a lifetime; 0 for never. It only frees memory: the entry carries its own expiry, and
 * that one counts. So it is rounded up, and by a second more, because a server's clock ticks once a second and would
 * else end a second early. A lifetime over 30 days becomes a Unix time by the clock of this host.
 */
export function expirySeconds(ttlMs: number, wallMs: number): number {
  if (ttlMs === 0) return 0;
  const seconds = Math.ceil(ttlMs / 1000) + 1;
  if (seconds <= MAX_RELATIVE_S) return seconds;
  const unixSeconds = Math.ceil(wallMs / 1000) + seconds;
  return unixSeconds <= MAX_EXPIRY_S ? unixSeconds : 0;
}
