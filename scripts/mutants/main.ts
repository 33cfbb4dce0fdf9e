/**
 * Takes every rule of the protocol out in turn and shows what notices: the first test that goes red, and a seed of the
 * simulator. Prints a table in Markdown. Ends with exit code 1 when no test notices a mutation, or when one no longer
 * fits the source.
 *
 *   npm run mutants -- [--seeds 1000] [--only <part of a name>] [--from <part of the first name>]
 */
import { parseArgs } from 'node:util';
import { MUTATIONS } from './mutations.ts';
import { Workbench } from './workbench.ts';

const SIMULATOR = 'packages/testing/src/simulator/main.ts';
const VITEST = 'node_modules/vitest/vitest.mjs';
/** Where a test is looked for that the mutation does not name, or no longer names rightly. */
const PLAIN_TESTS = ['--project', 'plain', 'packages/core', 'packages/redis'];
const TESTS_FILE = 'tests.json';
const SIMULATION_TIMEOUT_MS = 900_000;
const TESTS_TIMEOUT_MS = 300_000;
/** A mutation often shows in a test that waits for something that never comes. */
const TEST_TIMEOUT_MS = '30000';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    only: { type: 'string', default: '' },
    from: { type: 'string', default: '' },
  },
});
const seeds = Number(values.seeds);

const bench = new Workbench();
const first = MUTATIONS.findIndex(({ name }) => name.includes(values.from));
const chosen = MUTATIONS.slice(first).filter(({ name }) => name.includes(values.only));
let open = 0;
try {
  // Nothing is shown by noticing a fault that is there without any mutation.
  const fault = bySimulator() ?? byTests([...new Set(chosen.flatMap(({ witness }) => witness))]);
  if (fault !== undefined) throw new Error(`there is a fault in the source as it is: ${fault}`);
  console.log('| mutation | test that goes red | seed |');
  console.log('|---|---|---|');
  for (const mutation of chosen) console.log(`| ${mutation.name} | ${verdictOn(mutation)} |`);
} finally {
  bench.remove();
}
console.log(`\n${chosen.length} mutations, ${open} of them noticed by no test`);
if (open > 0) process.exitCode = 1;

/** The two last cells of a row. */
function verdictOn(mutation: (typeof MUTATIONS)[number]): string {
  try {
    const restore = bench.mutate(mutation);
    try {
      const test = byTests(mutation.witness) ?? byTests();
      const seed = bySimulator(mutation.seeds) ?? '';
      if (test !== undefined) return `${test} | ${seed}`;
      if (mutation.harmless !== undefined) return `none, and need not be: ${mutation.harmless} | ${seed}`;
      open++;
      return `**SURVIVED** | ${seed}`;
    } finally {
      restore();
    }
  } catch (error) {
    open++;
    return `${error instanceof Error ? error.message : String(error)} | `;
  }
}

function bySimulator(atLeast = 0): string | undefined {
  if (seeds === 0) return undefined;
  const { code, output } = bench.run([SIMULATOR, '--seeds', String(Math.max(atLeast, seeds))], SIMULATION_TIMEOUT_MS);
  if (code === 0) return undefined;
  const found = /^seed (\d+): (\S+)/m.exec(output);
  if (found === null) return `none, ended with code ${code}: ${output.slice(0, 200)}`;
  return `${found[1]}, ${found[2] === 'the' ? 'an assertion' : found[2]}`;
}

/** The first test that fails, in the given files or in all that need no server. */
function byTests(files: readonly string[] = PLAIN_TESTS): string | undefined {
  if (files.length === 0) return undefined;
  bench.drop(TESTS_FILE);
  const args = [VITEST, 'run', '--bail', '1', '--testTimeout', TEST_TIMEOUT_MS, '--reporter', 'json'];
  const { code, output } = bench.run([...args, '--outputFile', TESTS_FILE, ...files], TESTS_TIMEOUT_MS);
  if (code === 0) return undefined;
  const failed = failedTest();
  // A run that could not be made shows nothing.
  if (failed === undefined) throw new Error(`the tests did not run, exit code ${code}: ${output.slice(-200)}`);
  return failed;
}

function failedTest(): string | undefined {
  if (!bench.has(TESTS_FILE)) return undefined;
  const { testResults } = JSON.parse(bench.read(TESTS_FILE)) as {
    testResults: { name: string; assertionResults: { status: string; fullName: string }[] }[];
  };
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed');
    if (failed !== undefined) return `${name.slice(name.indexOf('packages/'))}: ${failed.fullName}`;
  }
  return undefined;
}
