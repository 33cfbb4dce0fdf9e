import type { Redis } from 'ioredis';
import { CacheError, type Clock, type CoordinatorListener, decodeMessage, type Timer } from 'tierwise/driver';
import { Link } from './link.ts';
import type { Names } from './names.ts';
import { loadScripts } from './scripts.ts';

/** What a connection is for; part of the name it shows in CLIENT LIST. */
export type LinkRole = 'commands' | 'tail' | 'bus';

export interface PartitionLinksOptions {
  readonly names: Names;
  readonly database: number;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Deadline of a tail: one that takes longer than Δ could prove nothing any more. */
  readonly tailDeadlineMs: number;
  /** How often the bus is asked whether it is still there. */
  readonly pingMs: number;
  readonly isSharded: boolean;
  create(role: LinkRole): Promise<Redis> | Redis;
  onError(error: CacheError): void;
}

/** The three connections of one partition: commands, tail, bus. */
export class PartitionLinks {
  readonly names: Names;
  readonly commands: Link;
  readonly tail: Link;
  readonly bus: Link;
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  readonly #options: PartitionLinksOptions;
  #listener: CoordinatorListener | undefined;
  #ping: Timer | undefined;
  #isUniting = false;
  #isClosed = false;

  constructor(options: PartitionLinksOptions) {
    this.#options = options;
    this.names = options.names;
    this.publishCommand = options.isSharded ? 'SPUBLISH' : 'PUBLISH';
    this.commands = this.#link('commands', options.deadlineMs, loadScripts);
    this.tail = this.#link('tail', options.tailDeadlineMs, loadScripts);
    this.bus = this.#link('bus', options.deadlineMs, (client) => this.#subscribe(client));
  }

  open(listener: CoordinatorListener): void {
    this.#listener = listener;
    this.commands.open();
    this.tail.open();
    this.bus.open();
    this.#schedulePing();
  }

  close(): void {
    this.#isClosed = true;
    this.#ping?.cancel();
    this.commands.close();
    this.tail.close();
    this.bus.close();
  }

  /**
   * Sees to it that all three connections are on the timeline that proofs come from: reads count only there, and after a
   * failover nothing else would make one that was left behind look again.
   */
  async unite(): Promise<void> {
    const strays = [this.commands, this.bus].filter((link) => link.isUp && link.timeline !== this.tail.timeline);
    if (strays.length === 0 || this.#isUniting) return;
    this.#isUniting = true;
    try {
      await this.tail.refreshTimeline();
      for (const link of strays) {
        if ((await link.refreshTimeline()) === this.tail.timeline) continue;
        link.drop(
          new CacheError('REMOTE_UNAVAILABLE', 'the connection leads to another server than the one that proves'),
        );
      }
    } catch {
      // Whichever of them could not tell its timeline has ended by that.
    } finally {
      this.#isUniting = false;
    }
  }

  #link(role: LinkRole, deadlineMs: number, prepare: (client: Redis) => Promise<unknown>): Link {
    const { clock, create, database, onError } = this.#options;
    return new Link({
      clock,
      connectDeadlineMs: this.#options.deadlineMs,
      deadlineMs,
      create: () => create(role),
      prepare: async (client) => {
        // ioredis goes on in database 0 where the server refuses the one asked for; asked again, it tells.
        if (database !== 0) await client.select(database);
        await prepare(client);
      },
      onUp: () => this.#onUp(role),
      onDown: (error) => {
        onError(error);
        if (role !== 'bus') this.#listener?.onDisconnected();
      },
    });
  }

  #onUp(role: LinkRole): void {
    // The bus alone may have missed messages; with the other two, reads and proofs are possible again.
    if (role === 'bus') this.#listener?.onDoubt();
    else if (this.commands.isUp && this.tail.isUp) this.#listener?.onConnected();
  }

  async #subscribe(client: Redis): Promise<void> {
    const { names, isSharded } = this.#options;
    const onText = (text: string): void => {
      if (this.#isClosed) return;
      const event = decodeMessage(text);
      if (event === undefined) this.#listener?.onDoubt();
      else this.#listener?.onMessage(event);
    };
    client.on(isSharded ? 'smessage' : 'message', (_channel: string, text: string) => onText(text));
    await (isSharded ? client.ssubscribe(names.channel) : client.subscribe(names.channel));
  }

  /** A subscriber sends nothing by itself, so a connection that died without a word would never be noticed. */
  #schedulePing(): void {
    if (this.#isClosed) return;
    this.#ping = this.#options.clock.after(this.#options.pingMs, () => {
      if (this.bus.isUp) this.bus.run((client) => client.ping()).catch(() => {});
      this.#schedulePing();
    });
  }
}
