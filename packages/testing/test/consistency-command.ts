import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What a run of the command showed. */
export interface Screenshot {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Command lines of processes that it left behind. */
  readonly leftovers: readonly string[];
}

/** `npm run consistency`, and what the package installs. */
const COMMANDS = {
  repository: fileURLToPath(new URL('../../../scripts/consistency.ts', import.meta.url)),
  package: fileURLToPath(new URL('../src/consistency/main.ts', import.meta.url)),
};
/** How long what it started may take to end after it. */
const SETTLE_MS = 60_000;

/** Runs the command as a process of its own. */
export async function runCommand(
  args: readonly string[],
  options: { interruptAfterMs?: number; redisUrl?: string; command?: keyof typeof COMMANDS } = {},
): Promise<Screenshot> {
  const { interruptAfterMs, redisUrl = '', command = 'repository' } = options;
  const mark = `consistency-test-${process.pid}-${performance.now()}`;
  const child = spawn(process.execPath, ['--conditions=@tierwise/source', COMMANDS[command], ...args], {
    env: { ...process.env, REDIS_URL: redisUrl, TIERWISE_TEST_MARK: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (interruptAfterMs !== undefined) {
    await sleep(interruptAfterMs);
    child.kill('SIGINT');
  }
  const code = await closed;
  const untilMs = performance.now() + SETTLE_MS;
  let leftovers = processesMarked(mark);
  while (leftovers.length > 0 && performance.now() < untilMs) {
    await sleep(20);
    leftovers = processesMarked(mark);
  }
  return { code, ...output, leftovers };
}

/** Command lines of all processes whose environment carries the mark; none where there is no `/proc`. */
function processesMarked(mark: string): string[] {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return pids.flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')];
    } catch {
      return [];
    }
  });
}
