// Fills one subject's memory and prints what it takes. Run with --expose-gc.
import { setTimeout } from 'node:timers/promises';
import type { Subject } from '../subject.ts';
import { subjectKind } from '../subjects/index.ts';
import { keyOf, type User, user, userOf } from '../values.ts';

export interface HeapSpec {
  readonly subject: string;
  readonly redisUrl: string;
  readonly name: string;
  readonly entries: number;
}

export interface HeapFigures {
  /** Heap and buffers outside it, key and value included. */
  readonly bytesPerEntry: number;
}

const AT_ONCE = 500;

const { subject: kind, redisUrl, name, entries } = JSON.parse(process.argv[2] as string) as HeapSpec;

// One that stays nearly empty brings in all code and all that a connection takes: that belongs to no entry.
const first = await open(`${name}-first`, 10);
await fill(first, 1_000);
await readAll(first, 10);
const before = await settled();
const subject = await open(name, entries);
await fill(subject, entries);
await readAll(subject, entries);
const after = await settled();
if (subject.peek !== undefined && subject.peek(keyOf(entries - 1)) === undefined) throw new Error('nothing was kept');
console.log(JSON.stringify({ bytesPerEntry: (after - before) / entries } satisfies HeapFigures));
process.exit();

function open(part: string, memoryEntries: number): Promise<Subject> {
  const load = async (key: string): Promise<User> => userOf(key);
  return subjectKind(kind).open({ redisUrl, memcachedAddress: undefined, name: part, memoryEntries, load });
}

async function fill({ set, getOrSet }: Subject, count: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => from + at);
    await Promise.all(ids.map((id) => (set === undefined ? getOrSet?.(keyOf(id)) : set(keyOf(id), user(id)))));
  }
}

/** What a read leaves behind with an entry belongs to the entry. */
async function readAll({ get }: Subject, count: number): Promise<void> {
  for (let id = 0; id < count; id++) await get?.(keyOf(id));
}

async function settled(): Promise<number> {
  let bytes = 0;
  for (let i = 0; i < 4; i++) {
    await setTimeout(50);
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    bytes = heapUsed + external;
  }
  return bytes;
}
