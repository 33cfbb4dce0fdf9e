import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort, startRedis } from '../../../scripts/servers/index.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { uniqueName } from './support/caches.ts';
import { eventually, pause } from './support/until.ts';

const WORKER = fileURLToPath(new URL('./support/outage-worker.ts', import.meta.url));

interface Report {
  readonly state?: string;
  readonly calls: number;
  readonly answers: number;
}

/** A process that runs `outage-worker.ts`. */
class Application {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stderr = '';

  constructor(url: string) {
    const child = fork(WORKER, [url, uniqueName()], {
      execArgv: ['--conditions=@tierwise/source', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#child = child;
    this.#ended = once(child, 'close');
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
  }

  async state(): Promise<string | undefined> {
    return (await this.#ask('health')).state;
  }

  async calls(): Promise<number> {
    return (await this.#ask('health')).calls;
  }

  /** Lets it finish: every call was answered, and nothing was left unhandled. */
  async expectCleanEnd(): Promise<void> {
    const report = await this.#ask('end');
    expect(report.answers).toBe(report.calls);
    expect(await this.#ended).toEqual([0, null]);
    expect(this.#stderr).toBe('');
  }

  async #ask(question: 'health' | 'end'): Promise<Report> {
    const answer = once(this.#child, 'message');
    this.#child.send(question, () => {});
    const [report] = (await Promise.race([answer, this.#ended])) as [unknown];
    if (typeof report === 'object' && report !== null) return report as Report;
    throw new Error(`the application ended with ${report}: ${this.#stderr}`);
  }
}

test('an application that handles nothing survives its server going away and coming back', async () => {
  const port = await findFreePort();
  const application = new Application(`redis://127.0.0.1:${port}`);
  await eventually(() => application.calls()).toBeGreaterThan(50);
  expect(await application.state()).toBe('offline');

  const server = await startRedis({ port });
  onTestFinished(() => server.stop());
  await eventually(() => application.state()).toBe('coherent');
  for (const fault of ['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const) {
    await server.kill(fault);
    await eventually(() => application.state()).toBe('offline');
    if (fault === 'SIGSTOP') await server.kill('SIGCONT');
    else await server.restart();
    await eventually(() => application.state()).toBe('coherent');
  }

  await application.expectCleanEnd();
});

test('an application that handles nothing survives every kind of broken line', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  await using proxy = await FaultProxy.start({ target: server });
  const application = new Application(proxy.url);
  await eventually(() => application.state()).toBe('coherent');

  for (const role of ['commands', 'tail', 'bus', '']) {
    for (const fault of ['cut', 'silence', 'hold'] as const) {
      for (const connection of proxy.connections(role === '' ? '' : `:${role}`)) connection[fault]();
      await pause(120);
      await eventually(() => application.state()).toBe('coherent');
    }
  }
  proxy.silence();
  await eventually(() => application.state()).toBe('offline');
  proxy.resume();
  await eventually(() => application.state()).toBe('coherent');

  await application.expectCleanEnd();
});
