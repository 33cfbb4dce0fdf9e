// Question: how much memory does one entry in memory take, at 100,000 entries?
// Does not show: values of other sizes or kinds, or what a process takes beside. Key and value are in the figures; they
// are the same for all, but bentocache and cacheable keep text or envelopes of their own. Every subject is in a fresh
// process, filled by `set` where it has one, read once, and measured after collections. Several run at a time: no time is taken here.
import { availableParallelism } from 'node:os';
import type { Bench, Scenario } from '../bench.ts';
import { runProgram } from '../processes/child.ts';
import type { HeapFigures, HeapSpec } from '../processes/heap.ts';
import { toResult } from '../result.ts';
import { cachesWithout } from '../subjects/index.ts';

const SUBJECTS = ['lru-cache', ...cachesWithout('async-cache-dedupe')];
const ENTRIES = 100_000;
/** Runs differ by less than a percent, and one of them takes seconds. */
const ROUNDS = 1;

let runs = 0;

export const heap: Scenario = {
  name: 'heap',
  title: 'Memory an entry',
  question: 'How many bytes one entry takes in memory at 100,000 entries, key and value included.',
  limits: 'One small value of one shape. Fresh processes, measured after collecting garbage.',
  async run(bench) {
    const rounds = Math.min(ROUNDS, bench.options.rounds);
    const turns = SUBJECTS.flatMap((subject) => Array.from({ length: rounds }, () => subject));
    const samples = new Map<string, number[]>(SUBJECTS.map((subject) => [subject, []]));
    const worker = async (): Promise<void> => {
      for (let subject = turns.shift(); subject !== undefined; subject = turns.shift()) {
        bench.progress.step(`an entry: ${subject}`);
        samples.get(subject)?.push(await bytesPerEntry(bench, subject));
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
    const results = [...samples].map(([subject, bytes]) => toResult(subject, bytes));
    return [{ name: 'an entry', unit: 'bytes', better: 'less', results }];
  },
};

async function bytesPerEntry({ options }: Bench, subject: string): Promise<number> {
  const spec: HeapSpec = { subject, redisUrl: options.redisUrl, name: `heap-${runs++}`, entries: ENTRIES };
  return (await runProgram<HeapFigures>('heap', spec, { sources: true, flags: ['--expose-gc'] })).bytesPerEntry;
}
