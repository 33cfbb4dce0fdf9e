import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const OUTPUT_KEPT_CHARS = 2000;
const POLL_MS = 100;

/** A program that runs beside this one, and ends with it. */
export interface Child {
  /** Resolves when `url` answers with a status below 400; rejects when the program ends before, or too much time passes. */
  untilReady(url: string, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a program whose output is only of interest when it ends by itself. */
export function startChild(
  title: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_KEPT_CHARS);
    });
  }
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  child.once('exit', (code, signal) => {
    failure ??= new Error(`${title} ended (${signal ?? `exit code ${code}`})\n${output}`.trim());
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  return {
    async untilReady(url, timeoutMs) {
      const deadlineMs = performance.now() + timeoutMs;
      for (;;) {
        if (failure !== undefined) throw failure;
        if (performance.now() > deadlineMs) throw new Error(`${title} does not answer at ${url}\n${output}`.trim());
        const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
        if (answer?.ok) return;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    async stop() {
      process.off('exit', endWithUs);
      await end(child);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killed = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(killed);
}
