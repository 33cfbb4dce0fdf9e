// Question: how long does a process wait for its first answer: importing the packages, setting up, connecting, one read?
// Does not show: bundled code, a cold disk cache, or TLS. Node's own start is not in the figures. tierwise is taken as it
// is published, from its built files; what a subject imports lazily counts when it is first needed.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../bench.ts';
import { sample } from '../measure.ts';
import { runProgram } from '../processes/child.ts';
import type { StartFigures, StartSpec } from '../processes/start.ts';
import { cachesWithout } from '../subjects/index.ts';

/** A round is a process a subject. */
const MOST_ROUNDS = 7;

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export const startUp: Scenario = {
  name: 'start-up',
  title: 'The first answer of a process',
  question: 'How long importing, setting up, connecting and the first read take.',
  limits: "Unbundled, files in the system's cache, no TLS. Node's own start is not counted.",
  async run(bench) {
    bench.progress.step('building the packages');
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const { redisUrl, memcachedAddress } = bench.options;
    const take = async (subject: string): Promise<number> => {
      const spec: StartSpec = { subject, redisUrl, memcachedAddress, name: `start-${subject}` };
      return (await runProgram<StartFigures>('start', spec, { sources: false })).answeredMs;
    };
    const subjects = ['lru-cache', 'ioredis', 'memjs', ...cachesWithout('async-cache-dedupe')];
    for (const subject of subjects) await take(subject);
    const rounds = Math.min(MOST_ROUNDS, bench.options.rounds);
    return [await sample(bench, { name: 'first answer', unit: 'ms', better: 'less', subjects, rounds, take })];
  },
};
