import { createHash } from 'node:crypto';

/** Longest name a server takes, in bytes. */
const MAX_NAME_BYTES = 250;
/** Anything that a server's text protocol could not carry, and the sign that marks such characters here. */
const UNSAFE = /[^\x21-\x24\x26-\x7e]+/g;

/** A name as a server gets it. */
export interface ServerName {
  readonly text: string;
  /** What has to be compared when it is read: the whole name, where only its hash is in `text`. */
  readonly proof: string | undefined;
}

/**
 * The name under which a server stores: readable where it can be, with unsafe characters in percent notation; where that
 * is over 250 bytes, the SHA-256 of it. The two forms cannot meet, since they begin differently.
 */
export function serverName(cacheName: string, name: string): ServerName {
  const full = `tw:${cacheName}:${name.replace(UNSAFE, encodeURIComponent)}`;
  if (full.length <= MAX_NAME_BYTES) return { text: full, proof: undefined };
  return { text: `tw#${createHash('sha256').update(full).digest('base64url')}`, proof: full };
}
