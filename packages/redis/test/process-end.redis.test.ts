import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { FaultProxy } from '../../testing/src/index.ts';

const WORKER = fileURLToPath(new URL('./support/close-worker.ts', import.meta.url));

async function endOf(url: string): Promise<unknown> {
  const child = fork(WORKER, [url], {
    execArgv: ['--conditions=@tierwise/source', '--disable-warning=ExperimentalWarning'],
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return once(child, 'exit');
}

// Symptom: the process spins for ever at its end, since Node waits for the FIN of a socket that was reset after it.
test('a process ends by itself once its caches are closed, whatever their connections were doing', async () => {
  expect(await endOf(inject('redisUrl'))).toEqual([0, null]);
});

test('so it does when its server accepts connections and never answers', async () => {
  const { hostname, port } = new URL(inject('redisUrl'));
  await using proxy = await FaultProxy.start({ target: { host: hostname, port: Number(port) } });
  proxy.silence();
  expect(await endOf(proxy.url)).toEqual([0, null]);
});

test('so it does when there is no server', async () => {
  expect(await endOf('redis://127.0.0.1:1')).toEqual([0, null]);
});
