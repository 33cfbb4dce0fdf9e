import { type Mutation, one } from './mutation.ts';

const VIEW = 'core/src/coherence/view.ts';
const VERSIONS = 'core/src/coherence/versions.ts';
const PROOF = 'core/src/coherence/proof.ts';
const TAILER = 'core/src/coherence/tailer.ts';
const JOURNAL = 'core/src/coherence/journal.ts';

/** What an instance knows: view, versions, proof, tails, journal. */
export const COHERENCE_MUTATIONS: readonly Mutation[] = [
  one(
    'youth is ten times as long',
    PROOF,
    'if (beganMs - asOfMs > this.limitMs ||',
    'if (beganMs - asOfMs > (asOfMs === this.sentAtMs ? 1 : 10) * this.limitMs ||',
  ),
  one(
    'a proof holds ten times as long',
    PROOF,
    'if (beganMs > this.#coversUntilMs || nowMs < this.#coversFromMs) return false;',
    'if (beganMs - this.sentAtMs > 10 * this.limitMs) return false;',
  ),
  one(
    'a proof counts from the reply',
    TAILER,
    'view.applyTail(reply, sentAtMs, clock.wallMs())',
    'view.applyTail(reply, clock.wallMs(), clock.wallMs())',
  ),
  one(
    'clocks are not compared',
    PROOF,
    'return Math.abs(offsetMs - this.#provedOffsetMs) <= this.#toleranceMs;',
    'return !Number.isNaN(offsetMs);',
  ),
  one('a voided tail is believed', TAILER, 'if (view.voids !== voids) return false;', ''),
  one('a tail with a hole is believed', VIEW, "if (event.seq !== this.#applied + 1) return 'unproved';", ''),
  one('a page of a tail proves', VIEW, "if (this.#applied < reply.seq) return 'partial';", ''),
  one(
    'a message after a gap counts as the next',
    VIEW,
    'if (event.seq !== this.#applied + 1) {\n',
    "if (event.epoch === '') {\n",
  ),
  one(
    'a message after a gap dates loads',
    VIEW,
    'this.#isTailLater = false;\n',
    'this.#isTailLater = false;\n    this.#meet(seq);\n',
  ),
  one(
    'what a message after a gap told holds for good',
    VIEW,
    '    if (this.#isTailLater) {\n',
    "    if (reply.epoch === '') {\n",
  ),
  one(
    'a tail sent before a message after a gap unsays it',
    VIEW,
    '    if (this.#isTailLater) {\n',
    "    if (reply.epoch !== '') {\n",
  ),
  one('the proof outlives the message that it took for an event', VIEW, '    if (isForged) this.proof.end();\n', ''),
  one('a number that was never given is believed', VIEW, 'seq < this.#appliedAtTail', 'seq < 0'),
  one(
    'messages of another epoch are applied',
    VIEW,
    "if (event.epoch !== this.epoch) return this.#deadEpochs.has(event.epoch) ? 'old' : 'foreign';",
    '',
  ),
  one(
    'a foreign epoch is no reason for doubt',
    VIEW,
    '    if (epoch === this.epoch) return true;\n    if (this.#deadEpochs',
    "    if (epoch !== '') return true;\n    if (this.#deadEpochs",
  ),
  one(
    'a snapshot leaves memory as it is',
    VIEW,
    '    this.#memory.forgetAll();\n    this.activity.markAll(isSameEpoch',
    '    this.activity.markAll(isSameEpoch',
  ),
  one(
    'a snapshot marks nothing',
    VIEW,
    '    this.activity.markAll(isSameEpoch ? seq : Number.POSITIVE_INFINITY);\n',
    '',
  ),
  one('a snapshot behind an own reply proves', VIEW, "    if (isBehindOwn) return 'unproved';\n", ''),
  one(
    'a snapshot that the bus has overtaken closes fences again',
    VIEW,
    'if (!isBehindOwn && seq >= this.#applied) this.fences',
    'if (!isBehindOwn) this.fences',
  ),
  one(
    'own effects wait for the bus',
    VIEW,
    "    this.#apply(reply.seq, invalidation, fence);\n    return 'applied';",
    "    return 'applied';",
  ),
  one('events do not mark what is under way', VIEW, '      this.activity.mark(key, seq);\n', ''),
  one('events do not reach memory', VIEW, '      this.#memory.forget(key, seq);\n', ''),
  one(
    'versions of tags are not compared',
    VERSIONS,
    "if (this.#versionOf('t', this.#tags, tag) > lease) return false;",
    '',
  ),
  one(
    'versions of prefixes are not compared',
    VERSIONS,
    "return !somePrefix(key, (prefix) => this.#versionOf('p', this.#prefixes, prefix) > lease);",
    'return true;',
  ),
  one('the version of the whole cache is not compared', VERSIONS, 'if (this.#clear > lease) return false;', ''),
  one(
    'floors are not compared',
    VERSIONS,
    'return Math.max(version, this.#floors.get(floorBucket(kind, name)) ?? 0);',
    'return version;',
  ),
  one(
    'a version held here hides the floor',
    VERSIONS,
    'return Math.max(version, this.#floors.get(floorBucket(kind, name)) ?? 0);',
    'return version > 0 ? version : (this.#floors.get(floorBucket(kind, name)) ?? 0);',
  ),
  one(
    'the journal covers nothing',
    JOURNAL,
    '    if (this.#waiting.length === 0) return false;\n',
    '    if (this.#waiting.length >= 0) return false;\n',
  ),
  one(
    'a full journal forgets',
    JOURNAL,
    '    this.add({ keys: [], tags: [], prefixes: [], patterns: [], clear: true });\n',
    '',
  ),
  one(
    'past their bound answers are forgotten',
    'core/src/coherence/answers.ts',
    '    this.#others = this.#sent;\n',
    '',
  ),
  one('patterns are not compared', VERSIONS, 'if (version > lease && matchesGlob(pattern, key)) return false;', ''),
];
