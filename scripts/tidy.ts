/** Checks the house rules that the linter does not know. Prints each breach and ends with exit code 1 if there is one. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tidyFiles, tidyPackages } from './tidy-rules.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Files that are committed, or would be. */
function listFiles(): string[] {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return output.split('\0').filter((path) => path !== '' && existsSync(`${ROOT}/${path}`));
}

const files = listFiles().map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') }));
const breaches = [...tidyFiles(files), ...tidyPackages(files)];
for (const breach of breaches) console.error(breach);
console.log(`${files.length} files, ${breaches.length} breaches of the house rules`);
if (breaches.length > 0) process.exitCode = 1;
