import { appendFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

const REAL_SERVER_TEST = /\.(redis|memcached)\.test\.ts$/;

interface Counts {
  passed: number;
  skipped: number;
  /** Names of skipped tests that need a real server. */
  skippedWithServer: string[];
  /** One line for each failure: where it was, and how its first error begins. */
  failures: string[];
}

/** The first lines of a message say what was expected; the rest of a failed comparison would bury the next failure. */
const MESSAGE_LINES = 3;

/** What is thrown need not have a message, whatever its type says. */
function failure(where: string, error: { readonly message?: string } | undefined): string {
  const said = error?.message?.split('\n').slice(0, MESSAGE_LINES).join(' ') ?? 'failed without a message';
  // A name may hold what a test was given, line feeds too.
  return `FAILED on ${process.version} ${where}: ${said}`.replaceAll('\n', ' ');
}

function count(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, skipped: 0, skippedWithServer: [], failures: [] };
  for (const module of modules) {
    const before = counts.failures.length;
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result();
      if (state === 'passed') counts.passed++;
      else if (state === 'failed')
        counts.failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, errors?.[0]));
      else {
        counts.skipped++;
        if (REAL_SERVER_TEST.test(module.moduleId)) counts.skippedWithServer.push(test.fullName);
      }
    }
    // A file that cannot be loaded, or whose hooks fail, has failed although no test of it has.
    for (const error of module.errors()) counts.failures.push(failure(module.relativeModuleId, error));
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors())
        counts.failures.push(failure(`${module.relativeModuleId} > ${suite.fullName}`, error));
    }
    if (counts.failures.length === before && module.state() === 'failed')
      counts.failures.push(failure(module.relativeModuleId, undefined));
  }
  return counts;
}

/**
 * Ends the output with a line for each failure and `N passed, N failed`, alone on its line, and adds these lines to the
 * file that `TIERWISE_TEST_COUNTS` names. In CI a skipped test of a real server is a failure.
 */
// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export.
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const { passed, skipped, skippedWithServer, failures } = count(modules);
    for (const error of unhandled) failures.push(failure('outside any test', error));
    if (process.env.CI && skippedWithServer.length > 0) {
      process.exitCode = 1;
      for (const name of skippedWithServer)
        failures.push(failure(name, { message: 'skipped although it needs a real server' }));
    }
    const line = `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    const end = [...failures, line].join('\n');
    console.log(end);
    const file = process.env.TIERWISE_TEST_COUNTS;
    if (file !== undefined) appendFileSync(file, `${end}\n`);
  }
}
