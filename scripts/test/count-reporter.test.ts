import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const REPORTER = fileURLToPath(new URL('../vitest/count-reporter.ts', import.meta.url));

/** The lines that a run of one test file with this text adds to the counts. */
async function linesOf(text: string): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tierwise-reporter-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const counts = join(dir, 'counts');
  await writeFile(join(dir, 'vitest.config.mjs'), 'export default {};\n');
  await writeFile(join(dir, 'own.test.mjs'), text);
  const env = { ...process.env, TIERWISE_TEST_COUNTS: counts };
  await new Promise((resolve) => {
    execFile(process.execPath, [VITEST, 'run', '--root', dir, '--globals', '--reporter', REPORTER], { env }, resolve);
  });
  return (await readFile(counts, 'utf8'))
    .replaceAll(`FAILED on ${process.version} own.test.mjs`, 'FAILED')
    .trimEnd()
    .split('\n');
}

// Symptom: the reporter itself failed, and the run ended without a name or a number.
test('names a test that threw what has no message, and all others', async () => {
  const lines = await linesOf(`
    test('passes', () => {});
    test('throws an object', () => { throw { code: 1 }; });
    test('throws nothing', () => { throw undefined; });
    test('fails', () => { throw new Error('first\\nsecond\\nthird\\nfourth'); });
  `);
  expect(lines).toEqual([
    'FAILED > throws an object: failed without a message',
    'FAILED > throws nothing: undefined',
    'FAILED > fails: first second third',
    '1 passed, 3 failed',
  ]);
});

// Symptom: beside a failed test it was not counted, and alone it was said to have had no error.
test('names hooks that failed, in a suite or out of one, beside failed tests or not', async () => {
  const lines = await linesOf(`
    afterAll(() => { throw new Error('of the file'); });
    test('fails', () => { throw new Error('of the test'); });
    describe('a suite', () => {
      beforeAll(() => { throw new Error('of the suite'); });
      test('never runs', () => {});
    });
  `);
  expect(lines).toEqual([
    'FAILED > fails: of the test',
    'FAILED: of the file',
    'FAILED > a suite: of the suite',
    '0 passed, 3 failed, 1 skipped',
  ]);
});

test('is one line, whatever a test was given', async () => {
  const lines = await linesOf("test.each(['a\\nb'])('%s', () => { throw new Error('no'); });");
  expect(lines).toEqual(['FAILED > a b: no', '0 passed, 1 failed']);
});

test('counts a file that cannot be loaded', async () => {
  expect(await linesOf("throw new Error('no file');")).toEqual(['FAILED: no file', '0 passed, 1 failed']);
});
