/**
 * A process of its own that runs one server for a parent and outlives it just long enough to clean up.
 *
 * Keeps true: when the parent is gone, however it ended, so are the server and its scratch directory. The
 * parent holds the other end of standard input; the kernel closes it at any death of the parent, SIGKILL
 * included, which no exit handler inside the parent could notice. It runs in a session of its own, so that
 * Ctrl-C reaches the parent only and the parent can still use the server while it shuts down.
 *
 * In: the specification as the only argument (JSON); then a line `start` for each start wanted; end of input.
 * Out: one JSON line an event, as in `SupervisorEvent`.
 * Fails: when the supervisor itself gets SIGKILL, the server stays behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface SupervisorSpec {
  readonly binary: string;
  readonly args: readonly string[];
  /** Working directory, or the prefix of a scratch directory to create and to remove at the end. */
  readonly dir: { readonly path: string } | { readonly scratchPrefix: string };
}

export type SupervisorEvent =
  | { readonly type: 'ready'; readonly dir: string }
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'exited'; readonly reason: string };

const OUTPUT_KEPT_CHARS = 2_000;

function supervise(spec: SupervisorSpec): void {
  const scratch = 'scratchPrefix' in spec.dir;
  const dir = 'path' in spec.dir ? spec.dir.path : mkdtempSync(join(tmpdir(), spec.dir.scratchPrefix));
  let server: ChildProcess | undefined;

  const report = (event: SupervisorEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

  const start = (): void => {
    let output = '';
    const child = spawn(spec.binary, spec.args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_KEPT_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('spawn', () => report({ type: 'started', pid: child.pid! }));
    child.on('error', (error) => report({ type: 'exited', reason: error.message }));
    child.on('close', (code, signal) => {
      if (server === child) server = undefined;
      report({ type: 'exited', reason: `${signal ?? `exit code ${code}`}\n${output}`.trim() });
    });
    server = child;
  };

  const finish = (): void => {
    const clean = (): void => {
      if (scratch) rmSync(dir, { recursive: true, force: true });
      process.exit(0);
    };
    if (server === undefined) {
      clean();
      return;
    }
    server.once('close', clean);
    server.kill('SIGKILL');
  };

  // A parent that is gone no longer reads: writing must not end the clean-up.
  process.stdout.on('error', () => {});
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, finish);
  createInterface({ input: process.stdin })
    .on('line', (line) => line === 'start' && start())
    .once('close', finish);
  report({ type: 'ready', dir });
}

supervise(JSON.parse(process.argv[2]!) as SupervisorSpec);
