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
//   '1' ' ' epoch (32 hex) ' ' seq (decimal) ' ' event text [LF origins]
//
// Origins, for telemetry: up to 8 W3C traceparents parted by commas, the call that published first, then the invalidations
// it carried. What is no traceparent is passed over. Event text holds no line feed, which JSON escapes.
//
// The log holds the event text alone: its stream id is the sequence number, and a log never outlives its epoch.

import type { BusMessage, FenceChange, Invalidation } from '../coherence/coordinator.ts';

/** Format of bus messages and log entries written by this version. */
export const EVENT_FORMAT = '1';

/** Most trace contexts in one message. */
export const MAX_ORIGINS = 8;

const NO_ORIGINS: readonly string[] = Object.freeze([]);

/** Version `ff` and ids of zeros alone are what W3C Trace Context calls invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

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

/** Event text as it is handed over to be published: with its origins, which are told and not logged. */
export function withOrigins(eventText: string, origins: readonly string[]): string {
  return origins.length === 0 ? eventText : `${eventText}\n${origins.join(',')}`;
}

/** The two parts that {@link withOrigins} put together. */
export function splitOrigins(text: string): { readonly eventText: string; readonly origins: readonly string[] } {
  const end = text.indexOf('\n');
  if (end === -1) return { eventText: text, origins: NO_ORIGINS };
  const origins = text.slice(end + 1).split(',', MAX_ORIGINS);
  return { eventText: text.slice(0, end), origins: origins.filter((origin) => TRACEPARENT.test(origin)) };
}

/** Reads a bus message; `undefined` when its header is of another format. `decode` reads its event. */
export function decodeMessage(
  text: string,
  decode: (eventText: string) => DecodedEvent = decodeEvent,
): BusMessage | undefined {
  const match = HEADER.exec(text);
  if (match === null) return undefined;
  const [header, epoch = '', seq] = match;
  const { eventText, origins } = splitOrigins(text.slice(header.length));
  const event = { epoch, seq: Number(seq), ...decode(eventText) };
  return origins.length === 0 ? event : { ...event, origins };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
