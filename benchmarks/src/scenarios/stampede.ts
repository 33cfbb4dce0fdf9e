// Question: when 1,000 callers ask at once for a key that nobody has, how long do they wait, and how often is it loaded?
// Does not show: callers in several processes, which each load once, or a loader that fails. The loader takes 5 ms, so no
// subject can be quicker than that.
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Scenario } from '../bench.ts';
import { inRounds, time } from '../measure.ts';
import { median, toResult } from '../result.ts';
import type { Subject } from '../subject.ts';
import { CACHES } from '../subjects/index.ts';
import { keyOf, userOf } from '../values.ts';

const CALLERS = 1_000;
const LOAD_MS = 5;
const SUBJECTS = CACHES;

interface Runner {
  readonly subject: string;
  readonly opened: Subject;
  readonly samples: number[];
  readonly calls: number[];
}

export const stampede: Scenario = {
  name: 'stampede',
  title: 'A cold stampede',
  question: 'How long 1,000 callers in one process wait for one cold key, and how often it is loaded.',
  limits: 'The loader takes 5 ms, which is in every figure. One process; it does not fail.',
  async run(bench) {
    let loads = 0;
    const load = async (key: string): Promise<ReturnType<typeof userOf>> => {
      loads++;
      await setTimeout(LOAD_MS);
      return userOf(key);
    };
    const runners: Runner[] = [];
    for (const subject of SUBJECTS) {
      const opened = await bench.open(subject, { memoryEntries: 10_000, load });
      runners.push({ subject, opened, samples: [], calls: [] });
    }
    let key = 0;
    const rush = async ({ subject, opened: { getOrSet } }: Runner): Promise<number> => {
      const cold = keyOf(key++);
      loads = 0;
      let answers: readonly unknown[] = [];
      const tookMs = await time(async () => {
        answers = await Promise.all(Array.from({ length: CALLERS }, () => getOrSet?.(cold)));
      });
      if (!isDeepStrictEqual(answers.at(-1), userOf(cold))) throw new Error(`${subject} answers with another value`);
      return tookMs;
    };
    try {
      for (const runner of runners) for (let i = 0; i < 10; i++) await rush(runner);
      await inRounds(bench, `${CALLERS} callers`, runners, async (runner) => {
        runner.samples.push(await rush(runner));
        runner.calls.push(loads);
      });
    } finally {
      for (const { opened } of runners) await opened.close();
    }
    const results = runners.map(({ subject, samples, calls }) =>
      toResult(subject, samples, { 'loader calls': median(calls) }),
    );
    return [{ name: `${CALLERS} callers`, unit: 'ms', better: 'less', results }];
  },
};
