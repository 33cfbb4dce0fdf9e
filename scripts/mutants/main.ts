/**
 * Takes every rule of the protocol out in turn and shows what notices: a seed of the simulator, else a test of
 * `packages/core`. Ends with exit code 1 when something survives, or when a mutation no longer fits the source.
 *
 *   npm run mutants -- [--seeds 1000] [--only <part of a name>]
 */
import { parseArgs } from 'node:util';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { Workbench } from './workbench.ts';

const SIMULATOR = 'packages/testing/src/simulator/main.ts';
const VITEST = 'node_modules/vitest/vitest.mjs';
const TESTED = ['packages/core', 'packages/redis'];
const TESTS_FILE = 'tests.json';
const SIMULATION_TIMEOUT_MS = 900_000;
const TESTS_TIMEOUT_MS = 300_000;

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, only: { type: 'string', default: '' } },
});

const bench = new Workbench();
let areTestsGreen = false;
const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only));
let open = 0;
try {
  // Nothing is shown by noticing a fault that is there without any mutation.
  const fault = bySimulator();
  if (fault !== undefined) throw new Error(`the simulator finds a fault in the source as it is: ${fault}`);
  areTestsGreen = runTests() === undefined;
  if (!areTestsGreen) console.log('Tests are red without any mutation, so only the simulator counts.');
  for (const mutation of chosen) {
    const verdict = verdictOn(mutation);
    if (verdict.isOpen) open++;
    console.log(`${mutation.name.padEnd(76)} ${verdict.text}`);
  }
} finally {
  bench.remove();
}
console.log(`${chosen.length} mutations, ${open} of them noticed by nothing`);
if (open > 0) process.exitCode = 1;

function verdictOn(mutation: Mutation): { text: string; isOpen: boolean } {
  try {
    const caughtBy = judge(mutation);
    if (caughtBy !== undefined) return { text: caughtBy, isOpen: false };
    const { harmless } = mutation;
    return harmless === undefined
      ? { text: 'SURVIVED', isOpen: true }
      : { text: `nothing, and need not be: ${harmless}`, isOpen: false };
  } catch (error) {
    return { text: error instanceof Error ? error.message : String(error), isOpen: true };
  }
}

/** What notices that the mechanism is out; throws when the mutation no longer fits the source. */
function judge(mutation: Mutation): string | undefined {
  const restore = bench.mutate(mutation);
  try {
    return bySimulator(mutation.seeds) ?? (areTestsGreen ? runTests() : undefined);
  } finally {
    restore();
  }
}

function bySimulator(seeds = 0): string | undefined {
  const most = String(Math.max(seeds, Number(values.seeds)));
  const { code, output } = bench.run([SIMULATOR, '--seeds', most], SIMULATION_TIMEOUT_MS);
  if (code === 0) return undefined;
  const found = /^seed (\d+): (\S+)/m.exec(output);
  if (found === null) return `the simulator, which ended with code ${code}: ${output.slice(0, 200)}`;
  return `seed ${found[1]}, ${found[2] === 'the' ? 'an assertion' : found[2]}`;
}

/** The first test that fails. */
function runTests(): string | undefined {
  const args = [VITEST, 'run', '--project', 'plain', '--bail', '1', '--reporter', 'json', '--outputFile', TESTS_FILE];
  const { code } = bench.run([...args, ...TESTED], TESTS_TIMEOUT_MS);
  return code === 0 ? undefined : `test "${failedTest() ?? `exit code ${code}`}"`;
}

function failedTest(): string | undefined {
  const { testResults } = JSON.parse(bench.read(TESTS_FILE)) as {
    testResults: { assertionResults: { status: string; fullName: string }[] }[];
  };
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  return results.find(({ status }) => status === 'failed')?.fullName;
}
