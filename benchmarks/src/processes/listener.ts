// One more instance of each subject, in a process of its own. It holds keys in memory and tells when it forgot them.
import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Subject } from '../subject.ts';
import { subjectKind } from '../subjects/index.ts';
import { userOf } from '../values.ts';

export interface ListenerSpec {
  readonly redisUrl: string;
  /** Names of the subjects' kinds, and of their parts of the server. */
  readonly subjects: readonly { readonly kind: string; readonly name: string }[];
  readonly memoryEntries: number;
}

/** `hold`: read these keys into memory. `watch`: answer at once, and again when all of them have been forgotten. */
export interface ListenerOrder {
  readonly kind: 'hold' | 'watch';
  readonly subject: string;
  readonly keys: readonly string[];
}

/** When each watched key was found forgotten, in microseconds of the machine's monotonic clock, in the order of keys. */
export interface Forgotten {
  readonly atUs: readonly number[];
}

const HOLD_ATTEMPTS = 100;
/** For what is forgotten without a message, so that a run ends. */
const LOOK_EVERY_MS = 50;

const spec = JSON.parse(process.argv[2] as string) as ListenerSpec;
const subjects = new Map<string, Subject>();
for (const { kind, name } of spec.subjects) {
  const { redisUrl, memoryEntries } = spec;
  const load = async (key: string): Promise<ReturnType<typeof userOf>> => userOf(key);
  subjects.set(
    kind,
    await subjectKind(kind).open({ redisUrl, memcachedAddress: undefined, name, memoryEntries, load }),
  );
}

let look = (): void => {};

// Memory can only change when a message was read from a socket: looking right after each of them, and once more when what
// it set off is done, finds the moment without a loop that takes the processor from the others.
const emit: (this: Socket, event: string | symbol, ...args: unknown[]) => boolean = Socket.prototype.emit;
Socket.prototype.emit = function (this: Socket, event: string | symbol, ...args: unknown[]): boolean {
  const isHeard = emit.call(this, event, ...args);
  if (event === 'data') {
    look();
    setImmediate(() => look());
  }
  return isHeard;
};
setInterval(() => look(), LOOK_EVERY_MS).unref();

process.on('message', (order: ListenerOrder) => {
  const subject = subjects.get(order.subject) as Subject;
  if (order.kind === 'hold') void hold(subject, order.keys);
  else watch(subject, order.keys);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function hold(subject: Subject, keys: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < HOLD_ATTEMPTS; attempt++) {
    const missing = keys.filter((key) => subject.holds?.(key) === false);
    if (missing.length === 0) break;
    await Promise.all(missing.map((key) => subject.getOrSet?.(key)));
    // A message on its way may still take away what has just been read.
    await setTimeout(5);
  }
  process.send?.({ held: keys.filter((key) => subject.holds?.(key)).length });
}

function watch(subject: Subject, keys: readonly string[]): void {
  const atUs = new Array<number>(keys.length).fill(0);
  const waiting = new Set(keys.keys());
  look = () => {
    if (waiting.size === 0) return;
    for (const index of waiting) {
      if (subject.holds?.(keys[index] as string)) {
        // Messages come in the order they were sent: what follows has not been told yet.
        break;
      }
      atUs[index] = Number(process.hrtime.bigint() / 1_000n);
      waiting.delete(index);
    }
    if (waiting.size > 0) return;
    look = () => {};
    process.send?.({ atUs } satisfies Forgotten);
  };
  process.send?.('watching');
}
