import type { Redis } from 'ioredis';
import { CacheError, type Clock, jittered, type Timer } from 'tierwise/driver';
import { Link } from './link.ts';
import { redirectionOf } from './redirection.ts';
import { loadScripts } from './scripts.ts';

/** What a connection is for; part of the name it shows in CLIENT LIST. */
export type LinkRole = 'commands' | 'tail' | 'bus';

/** A partition on a server, as the links to that server see it. */
export interface Tenant {
  readonly channel: string;
  /** Commands and tails can be sent. */
  onUp(): void;
  onDown(): void;
  /** Messages may be missing. */
  onDoubt(): void;
  onMessage(text: string): void;
  /** The server says that it does not serve the partition, or not now; `reply` is its answer. */
  onRedirected(reply: string): void;
}

export interface NodeLinksOptions {
  readonly database: number;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Deadline of a tail: one that takes longer than Δ could prove nothing any more. */
  readonly tailDeadlineMs: number;
  /** How often the bus is asked whether it is still there. */
  readonly pingMs: number;
  readonly isSharded: boolean;
  create(role: LinkRole): Promise<Redis> | Redis;
  /** A connection was lost, or an attempt to make one failed. */
  onDown(error: CacheError): void;
  /** All three connections are up, after at least one of them was not. */
  onWhole(): void;
}

/** Between two attempts to subscribe channels that the server refused; doubled each time up to the second. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 500;

/**
 * The three connections to one server: commands, tail, bus. All partitions on it share them.
 *
 * A channel is never unsubscribed: a slot that moves away takes its subscriptions along, and what else is left over goes
 * to no tenant.
 */
export class NodeLinks {
  readonly commands: Link;
  readonly tail: Link;
  readonly bus: Link;
  readonly #options: NodeLinksOptions;
  readonly #tenants = new Map<string, Tenant>();
  /** Tenants whose channel the current connection of the bus was told to subscribe. */
  #subscribed = new Set<Tenant>();
  #ping: Timer | undefined;
  #retry: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isUniting = false;
  #isInspecting = false;
  #isClosed = false;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
    this.commands = this.#link('commands', options.deadlineMs, loadScripts);
    this.tail = this.#link('tail', options.tailDeadlineMs, loadScripts);
    this.bus = this.#link('bus', options.deadlineMs, async (client) => this.#prepareBus(client));
  }

  get isUp(): boolean {
    return this.commands.isUp && this.tail.isUp;
  }

  /** Whether messages come too. */
  get isWhole(): boolean {
    return this.isUp && this.bus.isUp;
  }

  get isEmpty(): boolean {
    return this.#tenants.size === 0;
  }

  open(): void {
    this.commands.open();
    this.tail.open();
    this.bus.open();
    this.#schedulePing();
  }

  close(): void {
    this.#isClosed = true;
    this.#ping?.cancel();
    this.#retry?.cancel();
    this.#tenants.clear();
    this.commands.close();
    this.tail.close();
    this.bus.close();
  }

  /** Takes a partition in; it is told at once if the links are up. */
  admit(tenant: Tenant): void {
    this.#tenants.set(tenant.channel, tenant);
    if (this.bus.isUp) this.#subscribeAll();
    if (this.isUp) tenant.onUp();
  }

  release(tenant: Tenant): void {
    this.#tenants.delete(tenant.channel);
    this.#subscribed.delete(tenant);
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

  /** A partition is said to be elsewhere: if the server is no primary any more, no connection to it is of use. */
  async inspect(): Promise<void> {
    if (this.#isInspecting) return;
    this.#isInspecting = true;
    const links = [this.tail, this.commands, this.bus].filter((link) => link.isUp);
    await Promise.allSettled(links.map((link) => link.refreshTimeline()));
    this.#isInspecting = false;
  }

  #link(role: LinkRole, deadlineMs: number, prepare: (client: Redis) => Promise<unknown>): Link {
    const { clock, create, database, onDown } = this.#options;
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
        if (role !== 'bus') for (const tenant of this.#all()) tenant.onDown();
        onDown(error);
      },
    });
  }

  #onUp(role: LinkRole): void {
    if (role === 'bus') {
      this.#subscribeAll();
      // The bus alone may have missed messages; with the other two, reads and proofs are possible again.
      for (const tenant of this.#all()) tenant.onDoubt();
    } else if (this.isUp) {
      for (const tenant of this.#all()) tenant.onUp();
    }
    if (this.isWhole) this.#options.onWhole();
  }

  async #prepareBus(client: Redis): Promise<void> {
    this.#subscribed = new Set();
    client.on(this.#options.isSharded ? 'smessage' : 'message', (channel: string, text: string) => {
      if (!this.#isClosed) this.#tenants.get(channel)?.onMessage(text);
    });
    // The server has ended a subscription by itself, as it does when a slot moves away; perhaps it has come back since.
    client.on('moved', () => {
      if (this.#subscribed.size === 0) return;
      this.#subscribed = new Set();
      this.#options.clock.endOfTick(() => {
        if (this.bus.isUp) this.#subscribeAll();
        for (const tenant of this.#all()) tenant.onDoubt();
      });
    });
    await Promise.all(this.#all().map((tenant) => this.#subscribe(client, tenant)));
  }

  /** Subscribes what the current connection has not been told yet. */
  #subscribeAll(): void {
    for (const tenant of this.#all()) {
      if (this.#subscribed.has(tenant)) continue;
      this.bus
        .run((client) => this.#subscribe(client, tenant))
        .then(
          (isSubscribed) => {
            if (isSubscribed) tenant.onDoubt();
          },
          (error: CacheError) => {
            // Otherwise the connection has ended, and the next one subscribes.
            if (error.code === 'REMOTE_REJECTED') this.bus.drop(error);
          },
        );
    }
  }

  /** Answers whether the server has taken the subscription; one that it refused is asked for again. */
  async #subscribe(client: Redis, tenant: Tenant): Promise<boolean> {
    const subscribed = this.#subscribed;
    subscribed.add(tenant);
    try {
      await (this.#options.isSharded ? client.ssubscribe(tenant.channel) : client.subscribe(tenant.channel));
      this.#retryMs = FIRST_RETRY_MS;
      return true;
    } catch (error) {
      const reply = redirectionOf(error);
      if (reply === undefined) throw error;
      subscribed.delete(tenant);
      tenant.onRedirected(reply);
      this.#subscribeSoon();
      return false;
    }
  }

  /** A server that serves the slot again tells nobody, and a look-up leaves the partition where it is. */
  #subscribeSoon(): void {
    if (this.#retry !== undefined || this.#isClosed) return;
    this.#retry = this.#options.clock.after(jittered(this.#retryMs), () => {
      this.#retry = undefined;
      if (this.bus.isUp) this.#subscribeAll();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  /** Tenants come and go while they are told. */
  #all(): Tenant[] {
    return [...this.#tenants.values()];
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
