// Event text, format 1: one JSON object, names scoped, absent lists empty, unknown members ignored.
//
//   member  type        meaning
//   k       [string]    keys
//   t       [string]    tags
//   p       [string]    prefixes, each ending with ':' or '/'
//   c       1           the whole cache
//
// Bus message, format 1: ASCII header and event text, parted by single blanks:
//
//   '1' ' ' epoch (32 hex) ' ' seq (decimal) ' ' event text
//
// The log holds the event text alone: its stream id is the sequence number, and a log never outlives its epoch.

import type { Invalidation, SequencedEvent } from '../coherence/coordinator.ts';

/** Format of bus messages and log entries written by this version. */
export const EVENT_FORMAT = '1';

const HEADER = /^1 ([0-9a-f]{32}) (\d{1,16}) /;

/** An event that names nothing; the base to build others from. */
export const NOTHING: Invalidation = Object.freeze({ keys: [], tags: [], prefixes: [], clear: false });

/** The event that covers whatever an unreadable one may have named. */
export const EVERYTHING: Invalidation = Object.freeze({ keys: [], tags: [], prefixes: [], clear: true });

export function encodeEvent(invalidation: Invalidation): string {
  const { keys, tags, prefixes, clear } = invalidation;
  return JSON.stringify({
    ...(keys.length > 0 && { k: keys }),
    ...(tags.length > 0 && { t: tags }),
    ...(prefixes.length > 0 && { p: prefixes }),
    ...(clear && { c: 1 }),
  });
}

/** Reads event text; what this version cannot read becomes {@link EVERYTHING}, since forgetting is always safe. */
export function decodeEvent(text: string): Invalidation {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return EVERYTHING;
    const { k: keys = [], t: tags = [], p: prefixes = [], c: clear = 0 } = parsed as Record<string, unknown>;
    if (!isTexts(keys) || !isTexts(tags) || !isTexts(prefixes)) return EVERYTHING;
    const isEmpty = keys.length === 0 && tags.length === 0 && prefixes.length === 0;
    // An event that names nothing known to this version names something of a later one.
    return isEmpty ? EVERYTHING : { keys, tags, prefixes, clear: clear === 1 };
  } catch {
    return EVERYTHING;
  }
}

/** Reads a bus message; `undefined` when its header is of another format. */
export function decodeMessage(text: string): SequencedEvent | undefined {
  const match = HEADER.exec(text);
  if (match === null) return undefined;
  const [header, epoch = '', seq] = match;
  return { epoch, seq: Number(seq), invalidation: decodeEvent(text.slice(header.length)) };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
