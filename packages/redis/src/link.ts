import { AsyncResource } from 'node:async_hooks';
import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { CacheError, type Clock, jittered, promiseOf, type Timer, withFacts } from 'tierwise/driver';
import { failureMessage, withoutArguments } from './client-errors.ts';
import { serverOf } from './node-address.ts';

export interface LinkOptions {
  readonly clock: Clock;
  /** For every step of establishing the connection. */
  readonly connectDeadlineMs: number;
  /** For every command on it. */
  readonly deadlineMs: number;
  /** Makes a client that is not connected yet, does not reconnect, and neither queues nor resends. */
  create(): Promise<Redis> | Redis;
  /** Prepares a connection before it counts as up, within the deadline; a rejection ends it. */
  prepare(client: Redis): Promise<unknown>;
  onUp(): void;
  /** The connection was lost, or an attempt to make one failed. */
  onDown(error: CacheError): void;
}

/** A command that has not been answered yet. */
interface Waiting {
  readonly client: Redis;
  readonly sinceMs: number;
  /** Bytes the connection had brought when this was sent, or when its deadline was last looked at. */
  bytesRead: number;
  reject(error: CacheError): void;
}

/** A link that is up: its client, and the timeline of the server it is connected to. */
interface Connection {
  readonly client: Redis;
  timeline: string;
}

/** Deadlines that a command gets in all while bytes keep coming, its own or of answers before it. */
const MAX_DEADLINES = 5;

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

/** Replies that say this server is not, or no longer, the one to talk to. */
const FATAL_REPLY = /^(READONLY|LOADING|MASTERDOWN|NOAUTH)\b/;

/**
 * One connection to the primary, made anew whenever it ends.
 *
 * Every connection has a client object of its own, so that nothing of an earlier one can be resent or answered on a later
 * one, and reads the server's timeline before anything else flows on it. A command that is not answered within the
 * deadline ends the whole connection by reset: bytes still on their way are lost with it and cannot arrive later, and
 * whatever else waits on it would not have been answered either. A TLS connection can only be closed, and what lies in its
 * buffers may still run: late, and judged by its lease like anything else.
 */
export class Link {
  readonly #options: LinkOptions;
  /** The context of the cache: a call that finds the connection lost must not pass its own on to the next one. */
  readonly #home = new AsyncResource('tierwise.link');
  #waiting = new Set<Waiting>();
  #connection: Connection | undefined;
  #client: Redis | undefined;
  #watch: Timer | undefined;
  #retry: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Starts connecting; from then on the link keeps itself up. */
  open(): void {
    void this.#connect();
  }

  get isUp(): boolean {
    return this.#connection !== undefined;
  }

  /** Timeline of the current connection; `undefined` while there is none. */
  get timeline(): string | undefined {
    return this.#connection?.timeline;
  }

  /**
   * Runs a command on the current connection.
   *
   * @throws {CacheError} `REMOTE_UNAVAILABLE` at once when there is none or when it ends, `REMOTE_TIMEOUT` when the
   * deadline ends it, `REMOTE_REJECTED` for an error reply
   */
  run<R>(command: (client: Redis, timeline: string) => Promise<R>): Promise<R> {
    const connection = this.#connection;
    if (connection === undefined) {
      return Promise.reject(new CacheError('REMOTE_UNAVAILABLE', 'not connected to Redis'));
    }
    return this.#watched(connection.client, () => command(connection.client, connection.timeline));
  }

  /**
   * Reads the server's timeline again; it may change under a connection when a replica attaches. A connection that cannot
   * tell it, for one because its server is no primary any more, ends.
   */
  async refreshTimeline(): Promise<string> {
    const connection = this.#connection;
    if (connection === undefined) throw new CacheError('REMOTE_UNAVAILABLE', 'not connected to Redis');
    const { client } = connection;
    try {
      connection.timeline = await this.#watched(client, () => readTimeline(client));
    } catch (error) {
      this.#end(client, toCacheError(error));
      reset(client);
      throw error;
    }
    return connection.timeline;
  }

  /** Ends the current connection, if there is one; the next one may lead to another server. */
  drop(error: CacheError): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#end(client, error);
    reset(client);
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#watch?.cancel();
    this.#connection = undefined;
    for (const waiting of this.#waiting)
      waiting.reject(new CacheError('REMOTE_UNAVAILABLE', 'the connection was closed'));
    this.#client?.disconnect();
  }

  async #connect(): Promise<void> {
    let client: Redis | undefined;
    try {
      client = await this.#options.create();
      if (this.#isClosed) return;
      await this.#establish(client);
    } catch (error) {
      if (client !== undefined) reset(client);
      this.#end(client, toCacheError(error));
    }
  }

  async #establish(client: Redis): Promise<void> {
    this.#client = client;
    // Whatever goes wrong is told by the command it goes wrong for, or as the cause of the connection's end.
    let cause: unknown;
    client.on('error', (error) => {
      cause = error;
    });
    client.once('end', () => {
      const message = failureMessage(cause, 'the connection to Redis ended');
      this.#end(client, new CacheError('REMOTE_UNAVAILABLE', message, {}, { cause: withoutArguments(cause) }));
    });
    await this.#watched(client, () => client.connect());
    const timeline = await this.#watched(client, () => readTimeline(client));
    await this.#watched(client, () => this.#options.prepare(client));
    if (this.#isClosed || this.#client !== client) return;
    this.#connection = { client, timeline };
    // What waits from now on has another deadline.
    this.#watch?.cancel();
    this.#watch = undefined;
    this.#retryMs = FIRST_RETRY_MS;
    this.#options.onUp();
  }

  /** Ends a connection or an attempt; told once for each, and followed by the next attempt. */
  #end(client: Redis | undefined, error: CacheError): void {
    if (this.#isClosed || this.#client !== client) return;
    this.#client = undefined;
    this.#connection = undefined;
    for (const waiting of this.#waiting) {
      if (waiting.client !== client) continue;
      waiting.reject(error);
      this.#waiting.delete(waiting);
    }
    const server = serverOf(client);
    this.#options.onDown(server === undefined ? error : withFacts(error, { server }));
    const { clock } = this.#options;
    this.#retry = clock.after(jittered(this.#retryMs), () => {
      void this.#home.runInAsyncScope(() => this.#connect());
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  /** Runs a command that ends with the connection at the latest, whatever the client makes of it. */
  #watched<R>(client: Redis, command: () => Promise<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const bytesRead = (client as unknown as { stream?: Socket }).stream?.bytesRead ?? 0;
      const sinceMs = this.#options.clock.monotonicMs();
      const waiting: Waiting = { client, sinceMs, bytesRead, reject };
      this.#waiting.add(waiting);
      this.#watchOldest(this.#deadlineMs);
      // A client that throws where it should reject fails its command, and leaves nothing waiting.
      promiseOf(command).then(
        (reply) => {
          this.#forget(waiting);
          resolve(reply);
        },
        (error: unknown) => {
          this.#forget(waiting);
          const known = toCacheError(error);
          reject(known);
          if (known.code !== 'REMOTE_REJECTED' || !FATAL_REPLY.test(String((error as Error).message))) return;
          reset(client);
          this.#end(client, known);
        },
      );
    });
  }

  /** A set that is emptied over and over keeps what was in it (docs/adr/0012-maps-are-made-anew.md); a new one does not. */
  #forget(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    if (this.#waiting.size === 0) this.#waiting = new Set();
  }

  get #deadlineMs(): number {
    return this.#connection === undefined ? this.#options.connectDeadlineMs : this.#options.deadlineMs;
  }

  /** One timer for all commands that wait: they are answered in order, so the oldest speaks for the rest. */
  #watchOldest(delayMs: number): void {
    if (this.#watch !== undefined) return;
    this.#watch = this.#options.clock.after(delayMs, () => {
      this.#watch = undefined;
      const [oldest] = this.#waiting;
      if (oldest === undefined || this.#isClosed) return;
      const leftMs = oldest.sinceMs + this.#deadlineMs - this.#options.clock.monotonicMs();
      if (leftMs > 0) this.#watchOldest(Math.max(1, leftMs));
      else if (this.#isComing(oldest)) this.#watchOldest(this.#deadlineMs);
      else this.#giveLastChance(oldest);
    });
  }

  /** Whether bytes have come since the last look: large answers take their time, for some deadlines from when they were asked. */
  #isComing(oldest: Waiting): boolean {
    const bytesRead = (oldest.client as unknown as { stream?: Socket }).stream?.bytesRead ?? 0;
    const waitedMs = this.#options.clock.monotonicMs() - oldest.sinceMs;
    const isComing = bytesRead > oldest.bytesRead && waitedMs < MAX_DEADLINES * this.#deadlineMs;
    oldest.bytesRead = bytesRead;
    return isComing;
  }

  /** A process that was stopped finds its timers due before the answers that already lie in its sockets. */
  #giveLastChance(oldest: Waiting): void {
    this.#watch = this.#options.clock.after(1, () => {
      this.#watch = undefined;
      if (!this.#waiting.has(oldest)) {
        if (this.#waiting.size > 0) this.#watchOldest(1);
        return;
      }
      const { client } = oldest;
      const deadlineMs = this.#deadlineMs;
      this.#end(client, new CacheError('REMOTE_TIMEOUT', `Redis did not answer within ${deadlineMs} ms`));
      reset(client);
    });
  }
}

async function readTimeline(client: Redis): Promise<string> {
  const text = await client.info('replication');
  const timeline = /^master_replid:([0-9a-f]{40})\r?$/m.exec(text)?.[1];
  if (timeline === undefined) throw new CacheError('REMOTE_REJECTED', 'the server tells no replication id');
  if (!/^role:master\r?$/m.test(text)) throw new CacheError('REMOTE_UNAVAILABLE', 'the server is not a primary');
  return timeline;
}

/**
 * Ends a connection without a farewell, so that nothing under way on it can still arrive.
 *
 * A socket that is still connecting has nothing under way. One that was ended already must not be reset any more: Node
 * would wait for its FIN at the end of the process, for ever and at full speed.
 */
function reset(client: Redis): void {
  const { stream } = client as unknown as { stream?: Socket };
  try {
    if (stream?.connecting === false && !stream.writableEnded) stream.resetAndDestroy();
  } catch {
    // Node resets plain TCP only, and throws for TLS.
  }
  stream?.destroy();
  // A client that has ended would keep the process alive for a while to see its socket close once more.
  if (client.status !== 'end') client.disconnect();
}

function toCacheError(error: unknown): CacheError {
  if (CacheError.is(error)) return error;
  if (error instanceof Error && error.name === 'ReplyError') {
    return new CacheError('REMOTE_REJECTED', 'Redis answered with an error', {}, { cause: withoutArguments(error) });
  }
  return new CacheError('REMOTE_UNAVAILABLE', 'the connection to Redis failed', {}, { cause: withoutArguments(error) });
}
