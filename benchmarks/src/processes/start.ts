// Imports one subject, sets it up and asks for a key that is in the shared layer; prints how long that took.
import type { SubjectContext } from '../subject.ts';
import { keyOf, userOf } from '../values.ts';

export interface StartSpec {
  readonly subject: string;
  readonly redisUrl: string;
  readonly memcachedAddress: string;
  readonly name: string;
}

export interface StartFigures {
  readonly answeredMs: number;
}

const { subject: kind, redisUrl, memcachedAddress, name } = JSON.parse(process.argv[2] as string) as StartSpec;
const context: SubjectContext = {
  redisUrl,
  memcachedAddress,
  name,
  memoryEntries: 1_000,
  load: async (key) => userOf(key),
};
const { subjectKind } = await import('../subjects/index.ts');
const startedAtMs = performance.now();
const subject = await subjectKind(kind).open(context);
const read = subject.getOrSet ?? subject.get;
await read?.(keyOf(1));
console.log(JSON.stringify({ answeredMs: performance.now() - startedAtMs } satisfies StartFigures));
process.exit();
