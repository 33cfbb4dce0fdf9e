import { CacheError, type ErrorCode } from '../../src/errors.ts';

/** Where a fault strikes: before the command ran, or after, so that only its reply is lost. */
export type Moment = 'request' | 'reply';

type Mode =
  | { readonly kind: 'pass' }
  | { readonly kind: 'hold' | 'fail'; readonly at: Moment; readonly code: ErrorCode };

interface Held {
  go(): void;
  stop(error: unknown): void;
}

const PASS: Mode = { kind: 'pass' };

/** One kind of command on its way to the authority; what a test does to the next ones, and how many there were. */
export class Gate {
  calls = 0;
  #mode: Mode = PASS;
  #held: Held[] = [];

  /** Commands being held. */
  get held(): number {
    return this.#held.length;
  }

  pass(): void {
    this.#mode = PASS;
  }

  /** Holds the next commands before they run, or their replies after. */
  hold(at: Moment = 'request'): void {
    this.#mode = { kind: 'hold', at, code: 'REMOTE_TIMEOUT' };
  }

  /** Fails the next commands, before or after they ran. */
  fail(at: Moment = 'request', code: ErrorCode = 'REMOTE_UNAVAILABLE'): void {
    this.#mode = { kind: 'fail', at, code };
  }

  /** Lets what is held go on, oldest first, at most `count`. Those that come later are treated as before. */
  release(count = Number.POSITIVE_INFINITY): void {
    const going = this.#held.splice(0, Math.min(count, this.#held.length));
    for (const held of going) held.go();
  }

  /** Lets the newest one that is held go on before the others. */
  releaseLast(): void {
    this.#held.pop()?.go();
  }

  /** Ends what is held as a deadline does. */
  timeOut(): void {
    for (const held of this.#held.splice(0)) held.stop(remoteError('REMOTE_TIMEOUT'));
  }

  async run<R>(execute: () => R): Promise<R> {
    this.calls++;
    const mode = this.#mode;
    await this.#strike(mode, 'request');
    const result = execute();
    await this.#strike(mode, 'reply');
    return result;
  }

  #strike(mode: Mode, moment: Moment): Promise<void> | undefined {
    if (mode.kind === 'pass' || mode.at !== moment) return undefined;
    if (mode.kind === 'fail') return Promise.reject(remoteError(mode.code));
    return new Promise<void>((resolve, reject) => this.#held.push({ go: resolve, stop: reject }));
  }
}

export function remoteError(code: ErrorCode): CacheError {
  return new CacheError(code, 'the test made it fail');
}
