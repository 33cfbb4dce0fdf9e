import { type Mutation, one } from './mutation.ts';

const READS = 'core/src/engine/reads.ts';
const WAY_DOWN = 'core/src/engine/way-down.ts';
const ARRIVALS = 'core/src/engine/arrivals.ts';
const LOADS = 'core/src/engine/loads.ts';
const FLIGHT = 'core/src/engine/flight.ts';
const WRITES = 'core/src/engine/writes.ts';
const SET_CALL = 'core/src/engine/set-call.ts';
const PARTITION = 'core/src/engine/partition.ts';
const REMOTE_READS = 'core/src/engine/remote-reads.ts';
const MUTATIONS = 'core/src/engine/mutations.ts';

/** What an instance does: the read ladder, flights, writes, guarded writes. */
export const ENGINE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'a lease is taken when the load ends',
    patches: [
      { file: LOADS, find: '    const { lease } = flight;\n', put: '    const lease = partition.view.lease();\n' },
      {
        file: LOADS,
        find: 'const isStored = this.#mayKeep(partition, flight, ready.tags) && (await',
        put: 'const isStored = (await',
      },
    ],
  },
  one(
    'a set is dated when it is sent',
    WRITES,
    'partition.started.then(() => this.#begin(partition, facts))',
    'partition.started.then(() => this.#begin(partition, { ...facts, lease: partition.view.lease() }))',
  ),
  one(
    'closing does not wait for a set that waits for the first connection',
    WRITES,
    'return this.#track(partition.started.then(() => this.#begin(partition, facts)));',
    'return partition.started.then(() => this.#begin(partition, facts));',
  ),
  one('a refused fill enters memory', LOADS, "return result.outcome === 'stored';", 'return true;'),
  one(
    'a fill of another epoch enters memory',
    LOADS,
    'if (!partition.confirmEpoch(result.epoch)) return false;',
    'if (!partition.confirmEpoch(result.epoch)) return true;',
    'meeting another epoch marks all that is under way, so nothing of it is kept',
  ),
  one('marks are not noticed', FLIGHT, '  mark(): void {\n    this.isMarked = true;', '  mark(): void {'),
  one(
    'whoever comes joins a marked flight',
    LOADS,
    'if (flight === undefined || flight.isMarked) return undefined;',
    'if (flight === undefined) return undefined;',
  ),
  one(
    'a flight answers whoever waits for it',
    LOADS,
    'if (this.#mayAnswer(partition, flight, beganMs)) return values.release(loaded);',
    'return values.release(loaded);',
  ),
  {
    name: 'flights are joined however old',
    patches: [
      {
        file: LOADS,
        find: 'return isUntouched && this.#mayAnswer(partition, flight, beganMs) ? flight : undefined;',
        put: 'return isUntouched ? flight : undefined;',
      },
      {
        file: LOADS,
        find: 'if (this.#mayAnswer(partition, flight, beganMs)) return values.release(loaded);',
        put: 'return values.release(loaded);',
      },
    ],
  },
  one(
    'unknown tags of a flight count as untouched',
    LOADS,
    'const isUntouched = flight.hasUnknownTags\n      ? !view.hasVersionAbove(flight.leaseSeq)\n      : ',
    'const isUntouched = ',
  ),
  {
    name: 'memory keeps what is older than an answered load',
    patches: [
      {
        file: LOADS,
        find: '    memory.dropOlder(flight.key, flight.startedAtMs - this.#context.originMs);\n  }',
        put: '  }',
      },
      {
        file: LOADS,
        find: '    this.#context.memory.dropOlder(flight.key, flight.startedAtMs - this.#context.originMs);\n',
        put: '',
      },
    ],
  },
  one(
    'memory keeps what is older than an answered load until the load is stored',
    LOADS,
    '    this.#context.memory.dropOlder(flight.key, flight.startedAtMs - this.#context.originMs);\n',
    '',
  ),
  one(
    'any flight may write to memory, not only the newest',
    LOADS,
    ' || this.#newest.get(flight.key) !== flight)',
    ')',
  ),
  one(
    'the shared layer is believed without proof',
    ARRIVALS,
    'if (isDue || view.proof.timeline !== timeline || !view.proof.covers(sentAtMs, nowMs)) {',
    'if (isDue) {',
  ),
  {
    name: 'the shared layer is believed without proof, by nobody checked',
    patches: [
      {
        file: ARRIVALS,
        find: 'if (isDue || view.proof.timeline !== timeline || !view.proof.covers(sentAtMs, nowMs)) {',
        put: 'if (isDue) {',
      },
      {
        file: WAY_DOWN,
        find: "else this.#onAnswer(this.#partition.view.proof.covers(this.#shared.beganMs, nowMs) ? read : 'unproved');",
        put: 'else this.#onAnswer(read);',
      },
      {
        file: REMOTE_READS,
        find: 'if (proving !== undefined && !(await proving) && !view.proof.covers(sentAtMs, clock.wallMs())) {',
        put: 'if (false) {',
      },
    ],
  },
  one(
    'the timeline of a read is not compared',
    ARRIVALS,
    'if (isDue || view.proof.timeline !== timeline || !view',
    'if (isDue || !view',
  ),
  one(
    'who joins a read late needs no later proof',
    WAY_DOWN,
    "else this.#onAnswer(this.#partition.view.proof.covers(this.#shared.beganMs, nowMs) ? read : 'unproved');",
    'else this.#onAnswer(read);',
  ),
  one(
    'events heard during a read do not count',
    ARRIVALS,
    'if (read.heardSeq > keySeq || !partition.isServable',
    'if (!partition.isServable',
  ),
  one(
    'an entry read is as young as its read',
    ARRIVALS,
    'asOfMs: Math.min(sentAtMs, view.proof.sentAtMs) - this.#context.originMs,',
    'asOfMs: sentAtMs - this.#context.originMs,',
  ),
  one('an entry read does not mark loads', ARRIVALS, '    activity.answered(key, entry.keySeq);\n', ''),
  one(
    'memory answers without proof or youth',
    READS,
    'if (!view.proof.covers(nowMs) && !view.proof.isYoung(entry.asOfMs + this.#originMs, nowMs)) {',
    'if (view === undefined) {',
  ),
  one(
    'the journal is never delivered',
    PARTITION,
    "if (outcome === 'proved' || outcome === 'resynced') void this.#deliver();",
    '',
  ),
  one(
    'a set without an answer is forgotten',
    SET_CALL,
    '    this.#partition.journalize({ ...NOTHING, keys: [this.key] }, error, this.#facts.trace);\n',
    '',
  ),
  one(
    'a set that cannot be sent stays under way',
    SET_CALL,
    '      this.reject(error);\n    }\n    return',
    '      throw error;\n    }\n    return',
  ),
  one(
    'a set enters memory whatever came meanwhile',
    SET_CALL,
    '    if (this.#isContestedBeside(seq)) return false;\n',
    '',
  ),
  one(
    'all sets of one key in a tick are sent',
    SET_CALL,
    'const mayRepeat = this.next !== undefined;',
    'const mayRepeat = false;',
  ),
  one(
    'an own call does not reach what is under way',
    WRITES,
    '    partition.view.activity.mark(key, Number.POSITIVE_INFINITY);\n',
    '',
  ),
  one(
    'a guarded write closes no fence',
    MUTATIONS,
    'const held = await this.#close(shares, id, plan, trace);',
    'const held = undefined as never;',
  ),
  one(
    'linearizable waits for nobody',
    MUTATIONS,
    'const linearized = plan.isLinearizable && delivered && (await this.#awaitMembers(shares, replies));',
    'const linearized = plan.isLinearizable && delivered;',
  ),
  one(
    'a silent member counts as done',
    MUTATIONS,
    'return Math.min(member.silentMs, sinceLiftMs) > LAPSE_FACTOR * member.leaseMs;',
    'return true;',
  ),
  one(
    'members of the epoch before are not waited for',
    MUTATIONS,
    'const isComplete = ageMs - sinceLiftMs > Math.max(LAPSE_FACTOR * longestMs, LISTED_AFTER_MS);',
    'const isComplete = true;',
  ),
  one(
    'a key that was loaded needs no later proof',
    LOADS,
    '    partition.view.answers.note(flight.key, flight.date);\n',
    '',
  ),
  one(
    'a set enters memory although its key was answered from the shared layer',
    SET_CALL,
    '  override onAnswer(): void {\n    this.#isContested = true;\n  }\n',
    '',
  ),
  one(
    'memory keeps what an answer of the shared layer went past',
    ARRIVALS,
    'if (!memory.put(key, entry)) memory.invalidate(key);',
    'memory.put(key, entry);',
  ),
  one(
    'a closed instance stays on the list of members',
    PARTITION,
    '    if (this.#isConnected) await this.coordinator.leave(this.#options.member.id).catch(() => {});\n',
    '',
  ),
  one('a key that was read needs no later proof', ARRIVALS, '    answers.note(key);\n', ''),
  one(
    'a read of an answered key brings no tail',
    REMOTE_READS,
    'const dueAfter = view.answers.dueAfter(keys);',
    'const dueAfter = -1 + 0 * keys.length;',
  ),
  one(
    'a load goes on for a key that was answered from the shared layer',
    ARRIVALS,
    '    activity.answered(key, entry.keySeq);\n',
    '    activity.mark(key, entry.keySeq + 1);\n',
  ),
];
