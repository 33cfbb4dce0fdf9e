import { CacheError, type CoordinatorListener, decodeMessage } from 'tierwise/driver';
import type { Layout } from './layout.ts';
import type { Line } from './line.ts';
import type { Link } from './link.ts';
import type { Names } from './names.ts';
import type { NodeLinks, Tenant } from './node-links.ts';
import { OwnEvents } from './own-events.ts';
import { redirectionOf } from './redirection.ts';

export interface PartitionLinksOptions {
  readonly index: number;
  readonly names: Names;
  readonly layout: Layout;
  readonly isSharded: boolean;
  /** Asks for a home; `moveTo` is called with each one, now and later. */
  onOpen(partition: PartitionLinks): void;
  /** `home` says that it does not serve the partition, or not now. */
  onRedirected(partition: PartitionLinks, home: NodeLinks, reply: string): void;
}

/** The links of one partition: those of the server it is on, which it shares with the other partitions there. */
export class PartitionLinks implements Tenant {
  readonly index: number;
  readonly names: Names;
  readonly layout: Layout;
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  readonly ownEvents = new OwnEvents();
  readonly #options: PartitionLinksOptions;
  #listener: CoordinatorListener | undefined;
  #home: NodeLinks | undefined;
  /** The lines that lead there. */
  #lines: { readonly commands: Line; readonly tail: Line } | undefined;

  constructor(options: PartitionLinksOptions) {
    this.#options = options;
    this.index = options.index;
    this.names = options.names;
    this.layout = options.layout;
    this.publishCommand = options.isSharded ? 'SPUBLISH' : 'PUBLISH';
  }

  get channel(): string {
    return this.names.channel;
  }

  get home(): NodeLinks | undefined {
    return this.#home;
  }

  /** For everything but tails. @throws {CacheError} `REMOTE_UNAVAILABLE` */
  get commands(): Line {
    this.layout.check();
    return this.#atHome().commands;
  }

  /** For tails only. @throws {CacheError} `REMOTE_UNAVAILABLE` */
  get tail(): Line {
    return this.#atHome().tail;
  }

  open(listener: CoordinatorListener): void {
    this.#listener = listener;
    this.#options.onOpen(this);
  }

  /** Moves the partition to another server, or to none. What is known of the one before proves nothing on the next. */
  moveTo(home: NodeLinks | undefined): void {
    const left = this.#home;
    if (home === left) return;
    this.#home = home;
    this.#lines = home && { commands: this.#line(home, home.commands), tail: this.#line(home, home.tail) };
    left?.release(this);
    // A first home is no loss.
    if (left !== undefined) this.#listener?.onDisconnected();
    home?.admit(this);
  }

  async unite(): Promise<void> {
    await this.#home?.unite();
  }

  renewBus(): void {
    this.#home?.bus.drop(new CacheError('REMOTE_UNAVAILABLE', 'the bus told nothing of events that happened'));
  }

  onUp(): void {
    this.#listener?.onConnected();
  }

  onDown(): void {
    this.#listener?.onDisconnected();
  }

  onDoubt(): void {
    this.#listener?.onDoubt();
  }

  onMessage(text: string): void {
    const event = decodeMessage(text, (eventText) => this.ownEvents.decode(eventText));
    if (event === undefined) this.#listener?.onDoubt();
    else this.#listener?.onMessage(event);
  }

  onRedirected(reply: string): void {
    if (this.#home !== undefined) this.#options.onRedirected(this, this.#home, reply);
  }

  #atHome(): { readonly commands: Line; readonly tail: Line } {
    if (this.#lines === undefined) throw new CacheError('REMOTE_UNAVAILABLE', 'no server serves the partition');
    return this.#lines;
  }

  /** One link of one server: what several commands belong together for stays there, whatever moves meanwhile. */
  #line(home: NodeLinks, link: Link): Line {
    return {
      get timeline() {
        return link.timeline;
      },
      refreshTimeline: () => link.refreshTimeline(),
      run: async (command) => {
        try {
          return await link.run(command);
        } catch (error) {
          const reply = redirectionOf(error);
          if (reply === undefined) throw error;
          if (home === this.#home) this.onRedirected(reply);
          throw new CacheError('REMOTE_UNAVAILABLE', 'the server does not serve the partition', {}, { cause: error });
        }
      },
    };
  }
}
