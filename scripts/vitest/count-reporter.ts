import { appendFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

const REAL_SERVER_TEST = /\.(redis|memcached)\.test\.ts$/;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Names of skipped tests that need a real server. */
  skippedWithServer: string[];
}

function count(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, skippedWithServer: [] };
  for (const module of modules) {
    let failedInside = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') counts.passed++;
      else if (state === 'failed') failedInside++;
      else {
        counts.skipped++;
        if (REAL_SERVER_TEST.test(module.moduleId)) counts.skippedWithServer.push(test.fullName);
      }
    }
    // A file that cannot be loaded, or whose hooks fail, has failed although no test of it has.
    counts.failed += failedInside === 0 && module.state() === 'failed' ? 1 : failedInside;
  }
  return counts;
}

/**
 * Ends the output with `N passed, N failed`, alone on its line, and adds that line to the file that
 * `TIERWISE_TEST_COUNTS` names. In CI a skipped test of a real server is a failure.
 */
// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export.
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const { passed, failed, skipped, skippedWithServer } = count(modules);
    const failures = failed + unhandled.length + (process.env.CI ? skippedWithServer.length : 0);
    if (process.env.CI && skippedWithServer.length > 0) {
      process.exitCode = 1;
      console.error(`Skipped although they need a real server: ${skippedWithServer.join('; ')}`);
    }
    const line = `${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    console.log(line);
    const file = process.env.TIERWISE_TEST_COUNTS;
    if (file !== undefined) appendFileSync(file, `${line}\n`);
  }
}
