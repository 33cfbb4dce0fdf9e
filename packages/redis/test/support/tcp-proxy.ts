import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';
/** Bytes remembered of what a client sends first, enough to tell connections apart. */
const GREETING_BYTES = 4_096;

/** Where a proxy leads to. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** One connection through the proxy. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  #greeting = '';
  #isSilent = false;
  #isHeld = false;
  #delayMs = 0;
  readonly #held: (() => void)[] = [];
  #late: Promise<void> = Promise.resolve();
  #lateChunks = 0;
  #losses = 0;

  constructor(client: Socket, server: Socket) {
    this.#client = client;
    this.#server = server;
    this.#forward(client, server);
    this.#forward(server, client);
  }

  /** The first bytes its client sent, as text. */
  get greeting(): string {
    return this.#greeting;
  }

  get isOpen(): boolean {
    return !this.#client.destroyed;
  }

  /** From now on neither side hears of the other again, not even that it is gone: a half-open connection. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Keeps back what both sides send, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const send of this.#held.splice(0)) send();
  }

  /** Every byte from now on takes this much longer. Order is kept. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Ends both sides by reset. */
  cut(): void {
    if (!this.#client.destroyed) this.#client.resetAndDestroy();
    if (!this.#server.destroyed) this.#server.resetAndDestroy();
  }

  #forward(from: Socket, to: Socket): void {
    from.on('data', (chunk: Buffer) => {
      if (from === this.#client && this.#greeting.length < GREETING_BYTES) this.#greeting += chunk.toString('latin1');
      this.#pass(() => {
        if (!this.#isSilent && !to.destroyed) to.write(chunk);
      });
    });
    from.on('error', () => {});
    from.on('close', (isReset) => {
      // The other end of a silent connection learns nothing. A reset overtakes what is still on its way, a FIN does not.
      if (isReset) this.#lose();
      this.#pass(() => {
        if (this.#isSilent || to.destroyed) return;
        if (isReset) to.resetAndDestroy();
        else to.end();
      });
    });
  }

  /** Drops all that is held or late. */
  #lose(): void {
    this.#isHeld = false;
    this.#delayMs = 0;
    this.#held.length = 0;
    this.#losses++;
  }

  #pass(send: () => void): void {
    if (this.#isHeld) {
      this.#held.push(send);
    } else if (this.#delayMs > 0 || this.#lateChunks > 0) {
      const delayMs = this.#delayMs;
      const due = new Promise<void>((resolve) => setTimeout(resolve, delayMs));
      const losses = this.#losses;
      this.#lateChunks++;
      this.#late = this.#late
        .then(() => due)
        .then(() => {
          this.#lateChunks--;
          if (losses === this.#losses) send();
        });
    } else {
      send();
    }
  }
}

/**
 * A TCP proxy on loopback that does to connections what networks do: cuts them, delays them, holds them up, or lets them go
 * silent without a FIN. Faults of the proxy concern all connections, those of a `ProxiedConnection` only that one.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #listener: Server;
  readonly #connections = new Set<ProxiedConnection>();
  readonly #sockets = new Set<Socket>();
  #onNew: ((connection: ProxiedConnection) => void) | undefined;
  #isRefusing = false;
  #target: Address;
  /** Connections accepted since the start. */
  accepted = 0;

  private constructor(listener: Server, target: Address) {
    this.#listener = listener;
    this.#target = target;
    listener.on('connection', (client) => {
      this.accepted++;
      if (this.#isRefusing) {
        client.resetAndDestroy();
        return;
      }
      const server = connect({ host: this.#target.host, port: this.#target.port, noDelay: true });
      client.setNoDelay(true);
      const connection = new ProxiedConnection(client, server);
      this.#connections.add(connection);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
      }
      client.on('close', () => this.#connections.delete(connection));
      this.#onNew?.(connection);
    });
  }

  /** A proxy on a free port. */
  static async start(target: Address): Promise<TcpProxy> {
    const listener = createServer();
    listener.listen(0, HOST);
    await once(listener, 'listening');
    return new TcpProxy(listener, target);
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://${HOST}:${this.port}`;
  }

  /** The open connections whose greeting holds `text`. */
  connections(text: string = ''): readonly ProxiedConnection[] {
    return [...this.#connections].filter((connection) => connection.greeting.includes(text));
  }

  /** Leads later connections elsewhere; those there are stay where they are. */
  leadTo(target: Address): void {
    this.#target = target;
  }

  /** Lets all connections go silent, and later ones too until `heal`. */
  silence(): void {
    for (const connection of this.#connections) connection.silence();
    this.#onNew = (connection) => connection.silence();
  }

  /** Cuts all connections and refuses later ones until `heal`. */
  cut(): void {
    this.#isRefusing = true;
    for (const connection of this.#connections) connection.cut();
  }

  /** Delays all connections, later ones too until `heal`. */
  delay(ms: number): void {
    for (const connection of this.#connections) connection.delay(ms);
    this.#onNew = (connection) => connection.delay(ms);
  }

  /** New connections work again; delays end. Silent connections stay silent: they are lost for good. */
  heal(): void {
    this.#isRefusing = false;
    this.#onNew = undefined;
    for (const connection of this.#connections) connection.delay(0);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
