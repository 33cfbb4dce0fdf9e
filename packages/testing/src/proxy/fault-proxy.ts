import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { SeededRandom } from '../random.ts';
import { type CutKind, ProxiedConnection, type Slowness } from './proxied-connection.ts';

const HOST = '127.0.0.1';

/** Where a proxy forwards to. */
export interface ProxyTarget {
  readonly host?: string;
  readonly port: number;
}

export interface FaultProxyOptions {
  readonly target: ProxyTarget;
  /** Port on loopback. Default: a free one. */
  readonly port?: number;
  /** Seed of the jitter. Default 1. */
  readonly seed?: number;
}

/**
 * What happens to connections that are made while a fault lasts.
 *
 * - `pass`: they work.
 * - `silent`: accepted, and nothing ever comes back.
 * - `refused`: reset as soon as they are made.
 * - `held`: accepted, their bytes wait for the end of the fault.
 */
export type Admission = 'pass' | 'silent' | 'refused' | 'held';

/**
 * A TCP proxy on loopback that does to connections what networks do: cuts them, stalls or slows them, or lets them go
 * silent without a FIN. Each fault concerns the connections there are and, until {@link resume}, those that come.
 */
export class FaultProxy implements AsyncDisposable {
  readonly host = HOST;
  readonly port: number;
  readonly #listener: Server;
  readonly #random: SeededRandom;
  readonly #connections = new Set<ProxiedConnection>();
  readonly #sockets = new Set<Socket>();
  #target: ProxyTarget;
  #admission: Admission = 'pass';
  #slowness: Slowness = {};
  #accepted = 0;

  private constructor(listener: Server, options: FaultProxyOptions) {
    this.#listener = listener;
    this.#target = options.target;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.port = (listener.address() as AddressInfo).port;
    listener.on('connection', (client) => this.#onConnection(client));
  }

  /** A proxy that listens. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    listener.listen(options.port ?? 0, HOST);
    await once(listener, 'listening');
    return new FaultProxy(listener, options);
  }

  /** Its address as a Redis URL. */
  get url(): string {
    return `redis://${HOST}:${this.port}`;
  }

  /** Connections accepted so far, refused ones included. */
  get accepted(): number {
    return this.#accepted;
  }

  /** The open connections; with `text`, those whose first bytes hold it, such as a connection's name. */
  connections(text = ''): readonly ProxiedConnection[] {
    return [...this.#connections].filter((connection) => connection.greeting.includes(text));
  }

  /** Ends all connections. Later ones work, unless `admission` says otherwise. */
  cut(kind: CutKind = 'reset', admission: Admission = 'pass'): void {
    this.#admission = admission;
    for (const connection of this.#connections) connection.cut(kind);
  }

  /** Makes all connections half-open for good, and later ones what `admission` says. */
  silence(admission: Admission = 'silent'): void {
    this.#admission = admission;
    for (const connection of this.#connections) connection.silence();
  }

  /** Stalls all connections, later ones too: bytes wait. */
  hold(): void {
    this.#admission = 'held';
    for (const connection of this.#connections) connection.hold();
  }

  /** Slows all connections, later ones too. */
  slow(slowness: Slowness): void {
    this.#slowness = slowness;
    for (const connection of this.#connections) connection.slow(slowness);
  }

  /** Ends every fault: held bytes go on, new connections work. Silenced connections stay lost. */
  resume(): void {
    this.#admission = 'pass';
    this.#slowness = {};
    for (const connection of this.#connections) connection.resume();
  }

  /** Sends later connections elsewhere, as a failover behind one address does. Those there are stay where they are. */
  retarget(target: ProxyTarget): void {
    this.#target = target;
  }

  /** Ends everything; idempotent. */
  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.cut();
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#listener.listening) return;
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onConnection(client: Socket): void {
    this.#accepted++;
    client.on('error', () => {});
    if (this.#admission === 'refused') {
      client.resetAndDestroy();
      return;
    }
    const target = connect({
      host: this.#target.host ?? HOST,
      port: this.#target.port,
      noDelay: true,
      allowHalfOpen: true,
    });
    const connection = new ProxiedConnection(this.#accepted, client, target, this.#random);
    this.#connections.add(connection);
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('close', () => this.#connections.delete(connection));
    if (this.#admission === 'silent') connection.silence();
    if (this.#admission === 'held') connection.hold();
    connection.slow(this.#slowness);
  }
}
