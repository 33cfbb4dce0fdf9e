import { type Mutation, one } from './mutation.ts';

const AUTHORITY = 'core/src/in-process/authority.ts';

/** The shared state: what the Lua scripts decide, taken out of their model. */
export const AUTHORITY_MUTATIONS: readonly Mutation[] = [
  one(
    'fence slots are not checked',
    AUTHORITY,
    "if ((this.#fence.get(fenceSlot(write.key)) ?? 0) > seq) return 'fenced';",
    '',
  ),
  one(
    'the epoch of a lease is not checked',
    AUTHORITY,
    "if (epoch !== this.#epoch || seq > this.#seq) return 'voided';",
    '',
  ),
  one(
    'a fill may replace one with a higher lease',
    AUTHORITY,
    "return (this.#envelope(write.key, nowMs)?.lease ?? 0) > seq ? 'superseded' : 'stored';",
    "return 'stored';",
  ),
  one(
    'a set that conflicts is stored all the same',
    AUTHORITY,
    "return this.#judge(write, nowMs) === 'stored' ? 'stored' : 'conflicted';",
    "return 'stored';",
  ),
  one(
    'lost state goes on under its epoch',
    AUTHORITY,
    'if (this.#isLost) this.#begin(epoch, timeline, nowMs);',
    'if (this.#isLost) this.#begin(this.#epoch, timeline, nowMs);',
  ),
  one(
    'the timeline of the state is not checked',
    AUTHORITY,
    'return this.#timeline === timeline ? undefined : this.#timeline;',
    'return undefined;',
  ),
  one(
    'adopting a timeline keeps the epoch',
    AUTHORITY,
    'this.#timeline === from) this.#begin(epoch, to, nowMs);',
    'this.#timeline === from) this.#timeline = to;',
  ),
  one(
    'a snapshot brings no floors',
    AUTHORITY,
    'return { ...this.#versions.snapshot(), fences, slots',
    'return { ...this.#versions.snapshot(), floors: new Map(), fences, slots',
  ),
  one(
    'a closed fence refuses nothing',
    AUTHORITY,
    "if (this.#isCovered(write.key, tagsOf(write.bytes))) return 'fenced';",
    '',
  ),
  one('a set passes a closed fence', AUTHORITY, "if (this.#isCovered(write.key, given.tags)) return 'conflicted';", ''),
  one(
    'a lower version replaces a higher one',
    AUTHORITY,
    "return given.version < stored ? 'outdated' : 'stored';",
    "return 'stored';",
  ),
  one(
    'a fill drops the version of what it replaces',
    AUTHORITY,
    'this.#store(write, this.#keepVersion(write, nowMs), nowMs);',
    'this.#store(write, write.bytes, nowMs);',
  ),
  one(
    'a set that comes too late is an event',
    AUTHORITY,
    "    if (outcomes.every((outcome) => outcome === 'outdated')) return { epoch: this.#epoch, seq: this.#seq, outcomes };\n",
    '',
  ),
  one(
    'the list of members is as old as the epoch',
    AUTHORITY,
    'nowMs - Math.max(this.#begunMs, begunMs)',
    'nowMs - this.#begunMs',
  ),
  one(
    'a fence that ran out opens without an event',
    AUTHORITY,
    "      this.#apply(invalidation, { kind: 'lift', id });\n",
    '',
  ),
  one(
    'any lift opens every fence',
    AUTHORITY,
    'if (fence !== undefined) this.#closed.delete(fence.id);',
    "if (fence?.kind === 'lift') this.#closed.clear();",
  ),
];
