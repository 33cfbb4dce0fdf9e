// Event text, format 1: one JSON object, names scoped, absent lists empty. One with a member that is not in the table is of a
// later version and is taken to name everything.
//
//   member  type        meaning
//   k       [string]    keys
//   t       [string]    tags
//   p       [string]    prefixes, each ending with ':' or '/'
//   g       [string]    patterns
//   c       1           the whole cache
//   f       [id, life, exclusive]  closes a fence over k, t and p: for so many milliseconds, exclusive 1 or 0
//   l       id          lifts that fence
//
// Bus message, format 1: ASCII header and event text, parted by single blanks:
//
//   '1' ' ' epoch (32 hex) ' ' seq (decimal) ' ' event text
//
// The log holds the event text alone: its stream id is the sequence number, and a log never outlives its epoch.

import type { FenceChange, Invalidation, SequencedEvent } from '../coherence/coordinator.ts';

/** Format of bus messages and log entries written by this version. */
export const EVENT_FORMAT = '1';

const HEADER = /^1 ([0-9a-f]{32}) (\d{1,16}) /;

/** An event that names nothing; the base to build others from. */
export const NOTHING: Invalidation = Object.freeze({ keys: [], tags: [], prefixes: [], patterns: [], clear: false });

/** The event that covers whatever an unreadable one may have named. */
export const EVERYTHING: Invalidation = Object.freeze({ keys: [], tags: [], prefixes: [], patterns: [], clear: true });

export function encodeEvent(invalidation: Invalidation, fence?: FenceChange): string {
  const { keys, tags, prefixes, patterns, clear } = invalidation;
  return JSON.stringify({
    ...(keys.length > 0 && { k: keys }),
    ...(tags.length > 0 && { t: tags }),
    ...(prefixes.length > 0 && { p: prefixes }),
    ...(patterns.length > 0 && { g: patterns }),
    ...(clear && { c: 1 }),
    ...(fence?.kind === 'close' && { f: [fence.id, fence.lifeMs, fence.isExclusive ? 1 : 0] }),
    ...(fence?.kind === 'lift' && { l: fence.id }),
  });
}

/** What an event says. */
export interface DecodedEvent {
  readonly invalidation: Invalidation;
  readonly fence: FenceChange | undefined;
}

const UNREADABLE: DecodedEvent = Object.freeze({ invalidation: EVERYTHING, fence: undefined });

/** Reads event text; what this version cannot read becomes {@link EVERYTHING}, since forgetting is always safe. */
export function decodeEvent(text: string): DecodedEvent {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return UNREADABLE;
    const { k = [], t = [], p = [], g = [], c = 0, f, l, ...unknown } = parsed as Record<string, unknown>;
    // A member of a later version may name anything.
    if (Object.keys(unknown).length > 0) return UNREADABLE;
    if (!isTexts(k) || !isTexts(t) || !isTexts(p) || !isTexts(g)) return UNREADABLE;
    const fence = toFenceChange(f, l);
    const isNothing = k.length + t.length + p.length + g.length === 0 && fence === undefined;
    // An event that names nothing known to this version names something of a later one.
    if (isNothing) return UNREADABLE;
    return { invalidation: { keys: k, tags: t, prefixes: p, patterns: g, clear: c === 1 }, fence };
  } catch {
    return UNREADABLE;
  }
}

function toFenceChange(closed: unknown, lifted: unknown): FenceChange | undefined {
  if (typeof lifted === 'string') return { kind: 'lift', id: lifted };
  if (!Array.isArray(closed)) return undefined;
  const [id, lifeMs, exclusive] = closed as unknown[];
  if (typeof id !== 'string' || typeof lifeMs !== 'number') return undefined;
  return { kind: 'close', id, lifeMs, isExclusive: exclusive === 1 };
}

/** Reads a bus message; `undefined` when its header is of another format. */
export function decodeMessage(text: string): SequencedEvent | undefined {
  const match = HEADER.exec(text);
  if (match === null) return undefined;
  const [header, epoch = '', seq] = match;
  return { epoch, seq: Number(seq), ...decodeEvent(text.slice(header.length)) };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
