import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The file of one of the programs beside this one. */
function programOf(name: string): string {
  return fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
}

/**
 * Runs a program of this directory in a fresh process and answers with what it printed as JSON.
 *
 * `sources`: whether tierwise is taken from its sources, as in this process, or as it is published.
 */
export async function runProgram<R>(
  name: string,
  argument: object,
  { sources, flags = [] }: { readonly sources: boolean; readonly flags?: readonly string[] },
): Promise<R> {
  const conditions = sources ? ['--conditions=@tierwise/source'] : [];
  const args = ['--disable-warning=ExperimentalWarning', ...conditions, ...flags, programOf(name)];
  const { stdout } = await promisify(execFile)(process.execPath, [...args, JSON.stringify(argument)]);
  return JSON.parse(stdout) as R;
}

/** A program of this directory that takes orders and answers each of them once. */
export class Helper {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(name: string, argument: object): Promise<Helper> {
    const child = fork(programOf(name), [JSON.stringify(argument)], {
      execArgv: ['--disable-warning=ExperimentalWarning', '--conditions=@tierwise/source'],
    });
    const helper = new Helper(child);
    await helper.#reply();
    return helper;
  }

  /** Sends an order; `answer` settles when it has been carried out, the result when the helper has begun. */
  async ask<R>(order: object): Promise<R> {
    this.#process.send(order);
    return (await this.#reply()) as R;
  }

  /** The next message of the helper. */
  async #reply(): Promise<unknown> {
    const abort = new AbortController();
    const ended = once(this.#process, 'exit', { signal: abort.signal }).then(([code]) => {
      throw new Error(`a helper process ended with ${code}`);
    });
    try {
      const [message] = await Promise.race([once(this.#process, 'message', { signal: abort.signal }), ended]);
      return message;
    } finally {
      ended.catch(() => {});
      abort.abort();
    }
  }

  /** Waits for a message that no order asked for. */
  next<R>(): Promise<R> {
    return this.#reply() as Promise<R>;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.disconnect();
    await gone;
  }
}
