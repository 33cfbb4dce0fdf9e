import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a command without its server says so in one sentence and ends with exit code 1', { timeout: 30_000 }, () => {
  const command = fileURLToPath(new URL('./missing-server.ts', import.meta.url));
  const { status, stderr, stdout } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', command], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  expect(stderr.trim()).toMatch(/^(No Nowhere found: install|Nowhere could not be started).*$/);
  expect(status).toBe(1);
});
