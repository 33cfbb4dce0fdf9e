import { EventEmitter } from 'node:events';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { Command, Reply, ServerNode } from './server-node.ts';
import type { Wire } from './wire.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export type LinkRole = 'root' | 'commands' | 'tail' | 'bus';

export interface SimClientOptions {
  readonly machine: Machine;
  readonly network: Network;
  readonly instance: number;
  readonly role: LinkRole;
  /** Who answers at the address right now. */
  primary(): ServerNode;
  duplicate(role: LinkRole): unknown;
  /** A reply got to the process, before the process works on it. */
  onReply(command: Command, reply: Reply): void;
  /** A message got to the process. */
  onMessage(text: string): void;
}

/**
 * Stands in for one ioredis client as `@tierwise/redis` uses it: connects once, sends commands in order, never resends,
 * and ends when its connection does. Only what `Link`, `RedisStore` and `RedisCoordinator` call is there.
 */
export class SimClient extends EventEmitter {
  readonly options = { keyPrefix: '', db: 0 };
  readonly stream = { resetAndDestroy: (): void => this.#giveUp(), destroy: (): void => this.#giveUp() };
  readonly #sim: SimClientOptions;
  #wire: Wire | undefined;
  #node: ServerNode | undefined;
  #pending: Pending[] = [];
  #channel = '';
  #isOver = false;

  constructor(options: SimClientOptions) {
    super();
    this.#sim = options;
  }

  get status(): string {
    return this.#isOver ? 'end' : 'ready';
  }

  /** A client of the same address; which connection it is for, its name tells. */
  duplicate(overrides: { connectionName?: string }): unknown {
    const role = overrides.connectionName?.split(':').at(-1) ?? 'root';
    return this.#sim.duplicate(role as LinkRole);
  }

  connect(): Promise<void> {
    const { network, instance, role, machine } = this.#sim;
    return new Promise((resolve, reject) => {
      const wire = network.connect(instance, role);
      this.#wire = wire;
      this.#pending.push({ resolve: () => resolve(), reject });
      wire.send('up', () => {
        const node = this.#sim.primary();
        this.#node = node;
        const isAccepted = node.accept(wire, {
          message: (text) =>
            machine.run(() => {
              if (this.#isOver) return;
              this.#sim.onMessage(text);
              this.emit('message', this.#channel, text);
            }),
          end: () => machine.run(() => this.#close(new Error('Connection is closed.'))),
        });
        if (isAccepted === 'silent') return;
        wire.send('down', () =>
          machine.run(() => {
            if (isAccepted === 'refused') this.#close(new Error('connect ECONNREFUSED'));
            else this.#settle({ ok: true, value: undefined });
          }),
        );
      });
    });
  }

  info(): Promise<unknown> {
    return this.#send({ name: 'info' });
  }

  script(_load: string, source: string): Promise<unknown> {
    return this.#send({ name: 'script', source });
  }

  evalsha(sha1: string, keys: number, ...rest: (string | number | Buffer)[]): Promise<unknown> {
    return this.#send({ name: 'evalsha', sha1, keys: rest.slice(0, keys).map(String), args: rest.slice(keys) });
  }

  eval(source: string, keys: number, ...rest: (string | number | Buffer)[]): Promise<unknown> {
    return this.#send({ name: 'eval', source, keys: rest.slice(0, keys).map(String), args: rest.slice(keys) });
  }

  mgetBuffer(keys: readonly string[]): Promise<unknown> {
    return this.#send({ name: 'mget', keys });
  }

  subscribe(channel: string): Promise<unknown> {
    this.#channel = channel;
    return this.#send({ name: 'subscribe' });
  }

  ping(): Promise<unknown> {
    return this.#send({ name: 'ping' });
  }

  hdel(_key: string, field: string): Promise<unknown> {
    return this.#send({ name: 'hdel', field });
  }

  disconnect(): void {
    this.#giveUp();
  }

  #send(command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const wire = this.#wire;
      if (wire === undefined || this.#isOver) {
        reject(new Error('Connection is closed.'));
        return;
      }
      this.#pending.push({ resolve, reject });
      wire.send('up', () => {
        this.#node?.receive(wire, command, (reply) => {
          wire.send('down', () =>
            this.#sim.machine.run(() => {
              if (this.#isOver) return;
              this.#sim.onReply(command, reply);
              this.#settle(reply);
            }),
          );
        });
      });
    });
  }

  #settle(reply: Reply): void {
    const first = this.#pending.shift();
    if (reply.ok) first?.resolve(reply.value);
    else {
      const error = new Error(reply.error);
      error.name = 'ReplyError';
      first?.reject(error);
    }
  }

  /** Ends the connection from this side; bytes on their way are given up. */
  #giveUp(): void {
    this.#wire?.reset();
    this.#close(new Error('Connection is closed.'));
  }

  #close(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const wire = this.#wire;
    if (wire !== undefined) {
      wire.isClosed = true;
      this.#sim.network.forget(wire);
      this.#node?.drop(wire);
    }
    const pending = this.#pending;
    this.#pending = [];
    for (const { reject } of pending) reject(error);
    process.nextTick(() => this.emit('end'));
  }
}
