import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findSaslObstacle } from '../servers/index.ts';

/** A PATH with nothing on it but a memcached that is this script. */
async function withMemcached(script?: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tierwise-sasl-obstacle-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  if (script !== undefined) await writeFile(join(directory, 'memcached'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', directory);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

// Symptom: on a machine whose memcached has no SASL the tests of credentials were skipped, which fails a run in CI.
test('a memcached that was built without SASL is told from one that has it', async () => {
  await withMemcached('[ "$1" = -S ] && exit 64; exit 0');
  expect(await findSaslObstacle()).toBe('memcached was built without SASL');
});

test('a memcached that was built with SASL is no obstacle', async () => {
  await withMemcached('exit 0');
  expect(await findSaslObstacle()).toBeUndefined();
});

test('a machine without a memcached says so', async () => {
  await withMemcached();
  expect(await findSaslObstacle()).toBe('there is no memcached on the PATH');
});
