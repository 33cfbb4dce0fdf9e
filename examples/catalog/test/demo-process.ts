import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';

const DEMO = fileURLToPath(new URL('../src/demo.ts', import.meta.url));

/** How a run of the demo ended. */
export interface DemoEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the demo as its user starts it, with a directory for temporary files of its own. */
export class DemoProcess {
  readonly #dir = mkdtempSync(join(tmpdir(), 'tierwise-demo-test-'));
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #end: Promise<DemoEnd>;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(
      process.execPath,
      ['--conditions=@tierwise/source', '--disable-warning=ExperimentalWarning', DEMO, ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '', TMPDIR: this.#dir, ...env },
      },
    );
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#end = once(this.#child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  end(): Promise<DemoEnd> {
    return this.#end;
  }

  /** Resolves when a line of the run itself is out, so that everything is up. */
  async untilUnderWay(): Promise<void> {
    await vi.waitFor(() => expect(this.#stdout).toMatch(/^ +\d+ s, /m), { timeout: 60_000, interval: 20 });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Process ids of everything that this run has started and that still runs. */
  descendants(): number[] {
    const parents = allParents();
    const found: number[] = [];
    for (let level = [this.#child.pid as number]; level.length > 0; ) {
      level = parents.filter(([, parent]) => level.includes(parent)).map(([pid]) => pid);
      found.push(...level);
    }
    return found;
  }

  /** Process ids of the shop's instances: the servers, without Redis. */
  instances(): number[] {
    return this.descendants().filter((pid) => /demo.instance\.ts/.test(commandOf(pid)));
  }

  /** Names of the temporary files that are there now. */
  temporaryFiles(): string[] {
    return readdirSync(this.#dir);
  }

  dispose(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Every process and its parent: from /proc where there is one, since a bare Debian has no `ps`. */
function allParents(): (readonly [pid: number, parent: number])[] {
  if (!existsSync('/proc/self/stat')) {
    const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=']).toString().trim().split('\n');
    return lines.map((line) => line.trim().split(/ +/).map(Number) as [number, number]);
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      // The command stands in brackets and may hold anything; the parent is the second field after them.
      const stat = readIfThere(`/proc/${name}/stat`);
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      return parent === undefined ? [] : [[Number(name), Number(parent)] as const];
    });
}

function commandOf(pid: number): string {
  if (existsSync('/proc/self/cmdline')) return readIfThere(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  return execFileSync('ps', ['-o', 'args=', '-p', String(pid)]).toString();
}

/** The text of a file that may be gone by now. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
