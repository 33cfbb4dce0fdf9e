import { type Mutation, one } from './mutation.ts';

const GENERATIONS = 'core/src/store/generation-store.ts';
const BUCKETS = 'core/src/coherence/buckets.ts';
const VIEW = 'core/src/coherence/view.ts';
const STACK = 'core/src/engine/stack-writer.ts';
const REMOTE_READS = 'core/src/engine/remote-reads.ts';
const VALUES = 'core/src/engine/values.ts';
const BREAKER = 'core/src/store/breaker.ts';

/** What makes layers without scripts as coherent as the authority's own. */
export const LAYER_MUTATIONS: readonly Mutation[] = [
  one(
    'a name carries no epoch',
    GENERATIONS,
    "return [epoch, version, key].join(':');",
    "return [epoch.length, version, key].join(':');",
    'the envelope carries the epoch too',
  ),
  one(
    'a name carries no bucket version',
    GENERATIONS,
    "return [epoch, version, key].join(':');",
    "return [epoch, Math.min(version, 0), key].join(':');",
  ),
  one(
    'a fill goes under the version of now, not of its lease',
    GENERATIONS,
    'if (this.#versionOf(key) > lease.seq || this.#isFenced(key, bytes)) return',
    'if (this.#isFenced(key, bytes)) return',
  ),
  one(
    'a fill does not mind closed fences',
    GENERATIONS,
    'if (this.#versionOf(key) > lease.seq || this.#isFenced(key, bytes)) return',
    'if (this.#versionOf(key) > lease.seq) return',
  ),
  one(
    'a fill is written without proof',
    GENERATIONS,
    'if (epoch === undefined || !view.proof.covers(clock.wallMs())) {',
    'if (epoch === undefined) {',
  ),
  one(
    'a fill with a lease from beyond the view is believed',
    GENERATIONS,
    'if (lease.epoch !== epoch || lease.seq > view.applied) return',
    'if (lease.epoch !== epoch) return',
  ),
  one(
    'a set is written under the version before its event',
    GENERATIONS,
    '      name: nameOf(epoch, seq, key),\n',
    '      name: nameOf(epoch, seq - 1, key),\n',
  ),
  one(
    'a set does not mind events on its key',
    GENERATIONS,
    'const isContested = isUnheard || isLate[index] === true || claims[index]?.isContested(reply.seq) === true;',
    'const isContested = isUnheard;',
  ),
  one(
    'a set does not wait for what happened before its event',
    GENERATIONS,
    'const isKnown = view.epoch === reply.epoch && view.applied >= reply.seq;',
    'const isKnown = view.epoch === reply.epoch;',
  ),
  one(
    'a set takes a snapshot for its own event',
    GENERATIONS,
    'const isUnheard = view.snapshots !== snapshots;',
    'const isUnheard = false;',
  ),
  one(
    'a set with a version is stored uncompared',
    GENERATIONS,
    "if (typeof envelope === 'string' || envelope.version !== undefined) return",
    "if (typeof envelope === 'string') return",
  ),
  one('an event leaves the version of its bucket', VIEW, '    this.buckets?.raise(invalidation.keys, seq);\n', ''),
  one('a snapshot leaves the versions of buckets', VIEW, '    this.buckets?.merge(snapshot.slots);\n', ''),
  one('the version of a bucket goes back', BUCKETS, 'if (seq > (this.#seqs[slot] as number)) this', 'this'),
  one(
    'what one layer refuses, memory keeps for the others',
    STACK,
    "['voided', 'fenced', 'superseded', 'stored', 'skipped']",
    "['stored', 'voided', 'fenced', 'superseded', 'skipped']",
  ),
  one(
    'a set is stored in the other layers though it was refused',
    STACK,
    "['stored', 'skipped'].includes(reply.outcomes[index] ?? 'conflicted')",
    "['stored', 'skipped', 'conflicted'].includes(reply.outcomes[index] ?? 'conflicted')",
  ),
  one(
    'an entry is copied up as if it were of now',
    REMOTE_READS,
    'const seq = this.sentAt?.epoch === epoch ? Math.max(keySeq, this.sentAt.seq) : keySeq;',
    'const seq = Number.MAX_SAFE_INTEGER;',
  ),
  one(
    'an entry is copied up for its whole life again',
    REMOTE_READS,
    'this.#ttlMs = remainingMs === undefined ? 0 : Math.ceil(remainingMs);',
    'this.#ttlMs = 3_600_000;',
  ),
  one(
    'a layer is sent what is too large for it',
    GENERATIONS,
    'if (byteLength <= plain.limits.maxValueBytes) return true;',
    'if (byteLength <= Number.MAX_SAFE_INTEGER) return true;',
  ),
  one('what is too large for one layer is refused by none', VALUES, 'if (bytes > limit) throw', 'if (bytes < 0) throw'),
  one(
    'a layer that answers nothing is asked all the same',
    BREAKER,
    'const isOpen = parts.map((part) => part.failures >= OPENS_AFTER);',
    'const isOpen = parts.map((part) => part.failures >= Number.MAX_SAFE_INTEGER);',
  ),
  one(
    'one part that answers nothing stands for the whole layer',
    BREAKER,
    'return this.#parts[this.#store.partOf(name)] ?? this.#first;',
    'return this.#first;',
  ),
  one(
    'every call tries a part that is away',
    BREAKER,
    'if (part.isTried || this.#options.clock.monotonicMs() < part.openUntilMs) return;',
    '',
  ),
];
