import { Client, Server } from 'memjs/lib/memjs/memjs.js';
import { CacheError, type Clock, type ErrorCode, jittered } from 'tierwise/driver';
import type { ServerAddress } from './options.ts';

export interface ServerLinkOptions {
  readonly address: ServerAddress;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** The connection was lost, or an attempt to make one failed. */
  onLost(error: CacheError): void;
  /** The server answers again after `onLost`. */
  onBack(): void;
}

/** What one command came to: its answer, or why there is none. */
export type Outcome<A> = A | CacheError;

/** How one command is given to a client. `done` is called at most once. */
type Send<A> = (client: Client, done: (failure: Error | string | null, answer: A) => void) => void;

const FIRST_DELAY_MS = 50;
const LAST_DELAY_MS = 2_000;
/** memjs numbers commands with a signed counter and fails for good once it turns negative. */
const MAX_COMMANDS = 2 ** 30;
const CLOSED = 'the connection to Memcached was closed';
const SILENT = { log: (): void => {} };

/** A memjs client that lives as long as its socket. */
interface Connection {
  readonly memjs: Client;
  readonly server: Server;
  isWatched: boolean;
}

/**
 * The connection to one server: a memjs client of its own for every connection, given up with the first sign of trouble.
 *
 * Why: memjs 1.3 never settles commands whose connection the server closed, glues the unread rest of a dead connection
 * in front of what the next one answers, counts inactivity instead of a command's age, and sends a command again after a
 * failure. So retries are off, each batch has a deadline by our clock, and a client that missed one, failed or lost its
 * socket is destroyed with all its commands: nothing of it can be answered or sent later.
 *
 * Costs: while a server does not answer, every delay lets one batch wait for the deadline, and the others fail at once.
 */
export class ServerLink {
  readonly #options: ServerLinkOptions;
  #connection: Connection | undefined;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
  }

  /** Values by name, `undefined` for what is not there. Never rejects. */
  get(names: readonly string[]): Promise<Outcome<Buffer | undefined>[]> {
    return this.#run<Buffer | undefined>(
      names.map((name) => (client, done) => client.get(name, (failure, value) => done(failure, value ?? undefined))),
    );
  }

  /** Stores values, each with the expiry that the server is to be told. Never rejects. */
  set(items: readonly { name: string; value: Buffer; expires: number }[]): Promise<Outcome<undefined>[]> {
    return this.#run<undefined>(
      items.map(
        ({ name, value, expires }) =>
          (client, done) =>
            client.set(name, value, { expires }, (failure) => done(failure, undefined)),
      ),
    );
  }

  close(): void {
    this.#isClosed = true;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.server.error(this.#error('REMOTE_UNAVAILABLE', CLOSED));
  }

  #run<A>(commands: readonly Send<A>[]): Promise<Outcome<A>[]> {
    const { clock, deadlineMs } = this.#options;
    const connection = this.#open();
    if (CacheError.is(connection)) return Promise.resolve(commands.map(() => connection));
    return new Promise((resolve) => {
      const outcomes: Outcome<A>[] = [];
      let missing = commands.length;
      const timer = clock.after(deadlineMs, () => {
        const message = `Memcached did not answer within ${deadlineMs} ms`;
        this.#giveUp(connection, this.#error('REMOTE_TIMEOUT', message));
      });
      const settle = (index: number, outcome: Outcome<A>): void => {
        outcomes[index] = outcome;
        if (--missing > 0) return;
        timer.cancel();
        resolve(outcomes);
      };
      for (const [index, send] of commands.entries()) {
        send(connection.memjs, (failure, answer) => {
          settle(index, failure === null ? this.#answered(connection, answer) : this.#failed(connection, failure));
        });
      }
      this.#watch(connection);
    });
  }

  /** The connection of now, a new one where there is none; why there cannot be one yet. */
  #open(): Connection | CacheError {
    if (this.#isClosed) return this.#error('REMOTE_UNAVAILABLE', CLOSED);
    if (this.#connection !== undefined) return this.#connection;
    const { address, username = '', password = '', deadlineMs, clock } = this.#options;
    if (clock.monotonicMs() < this.#retryAtMs) {
      return this.#error('REMOTE_UNAVAILABLE', 'a Memcached server is away; it is tried again soon');
    }
    // Twice the deadline, so that it is always ours that ends the wait.
    const seconds = (2 * deadlineMs) / 1000;
    const limits = { timeout: seconds, conntimeout: seconds };
    const server = new Server(address.host, address.port, username, password, limits);
    // Left empty they would come from the environment.
    server.username = username;
    server.password = password;
    const memjs = new Client([server], { retries: 0, expires: 0, logger: SILENT });
    this.#connection = { server, memjs, isWatched: false };
    return this.#connection;
  }

  /** Gives a connection up when its socket ends, which memjs itself does not tell its commands. */
  #watch(connection: Connection): void {
    const socket = connection.server._socket;
    if (connection.isWatched || socket === undefined) return;
    connection.isWatched = true;
    socket.once('close', () => {
      this.#giveUp(connection, this.#error('REMOTE_UNAVAILABLE', 'the connection to Memcached ended'));
    });
  }

  #answered<A>(connection: Connection, answer: A): A {
    this.#noteAnswer();
    if (connection.memjs.seq >= MAX_COMMANDS) connection.memjs.seq = 0;
    return answer;
  }

  #failed(connection: Connection, failure: Error | string): CacheError {
    if (CacheError.is(failure)) return failure;
    const cause = typeof failure === 'string' ? new Error(failure) : failure;
    if (cause.message.startsWith('MemJS ')) {
      // An answer of the server: the connection is well.
      this.#noteAnswer();
      return this.#error('REMOTE_REJECTED', 'Memcached refused a command', { cause });
    }
    const isRefused = typeof failure === 'string';
    const error = isRefused
      ? this.#error('REMOTE_REJECTED', 'Memcached refused the credentials', { cause })
      : this.#error('REMOTE_UNAVAILABLE', 'the connection to Memcached broke', { cause });
    this.#giveUp(connection, error);
    return error;
  }

  #noteAnswer(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#options.onBack();
  }

  #error(code: ErrorCode, message: string, options?: { cause: unknown }): CacheError {
    return new CacheError(code, message, { server: this.#options.address.text }, options);
  }

  #giveUp(connection: Connection, error: CacheError): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#failures++;
    // A connection that worked and ended may have been an idle one: the first attempt after it need not wait.
    const doublings = this.#failures - 2;
    const delayMs = doublings < 0 ? 0 : jittered(Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** doublings));
    this.#retryAtMs = this.#options.clock.monotonicMs() + delayMs;
    connection.server.error(error);
    this.#options.onLost(error);
  }
}
