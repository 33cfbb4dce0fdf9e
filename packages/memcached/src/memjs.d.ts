/** As much of memjs as is used here, private parts included: without them a dead connection could not be told. It ships no types. */
declare module 'memjs/lib/memjs/memjs.js' {
  import type { Socket } from 'node:net';

  export interface ServerOptions {
    /** Seconds. */
    readonly timeout: number;
    /** Seconds. */
    readonly conntimeout: number;
  }

  export class Server {
    constructor(host: string, port: number, username: string, password: string, options: ServerOptions);
    username: string | undefined;
    password: string | undefined;
    /** There as soon as a command has been given. */
    readonly _socket: Socket | undefined;
    /** Destroys the socket and fails every command under way. */
    error(reason: Error): void;
  }

  export interface ClientOptions {
    readonly retries: number;
    readonly expires: number;
    readonly logger: { log(): void };
  }

  /** A plain text is how a server that refuses the credentials is told of. */
  type Failure = Error | string | null;

  export class Client {
    constructor(servers: readonly Server[], options: ClientOptions);
    /** Number of the last command. */
    seq: number;
    get(name: string, done: (failure: Failure, value: Buffer | null) => void): void;
    set(name: string, value: Buffer, options: { readonly expires: number }, done: (failure: Failure) => void): void;
  }
}
