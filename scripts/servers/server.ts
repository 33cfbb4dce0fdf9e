/** How a server came to be: named by the environment, or started here from a binary, a container or a package. */
export type ServerOrigin = 'env' | 'binary' | 'container' | 'package';

/** A server that tests, the demo or a benchmark can use. */
export interface Server {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly origin: ServerOrigin;
  /** Working directory of the server on this machine. Absent for a server that runs elsewhere. */
  readonly dir: string | undefined;
  /** Process id of the running server. Absent while it is down, and for a server that is no child of ours. */
  readonly pid: number | undefined;
  /**
   * Sends a signal, `SIGKILL` when left out, and resolves once it has taken effect: the process has ended, or
   * the signal was delivered where it does not end a process (`SIGSTOP`, `SIGCONT`).
   *
   * @throws ServerUnavailableError for a server that this process did not start.
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the server again on the same port and directory, after ending it if it still runs. */
  restart(): Promise<void>;
  /** Ends the server with SIGKILL and removes its scratch directory. Further calls do nothing. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What may be chosen about a server that is started here. */
export interface StartOptions {
  /** Further command line arguments. They come last, so they win over the defaults. */
  readonly args?: readonly string[];
  /** Port on 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** Working directory, kept afterwards. Default: a scratch directory that is removed with the server. */
  readonly dir?: string;
  /** Further environment variables of a server started from a binary. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Everything that differs between one kind of server and another. */
export interface ServerKind {
  /** Name for people, as used in messages. */
  readonly title: string;
  /** Environment variable that names a running server. */
  readonly envVariable: string;
  /** Executables to look for on the PATH, best first. */
  readonly binaries: readonly string[];
  /** Package that brings one of the binaries on Debian and Ubuntu; its service carries the same name. */
  readonly aptPackage: string;
  readonly image: string;
  readonly imagePort: number;
  readonly defaultPort: number;
  readonly urlScheme: string;
  /** Arguments for a server on `127.0.0.1:port` that keeps nothing across restarts. */
  localArgs(port: number): string[];
  /** Command line inside the container. */
  containerCommand(args: readonly string[]): string[];
  /** What to send to learn whether the server is up, and which process answers; each character is a byte. */
  readonly probe: string;
  /** Reads the answer to the probe; `undefined` while it is incomplete or says that the server is not ready. */
  readProbe(answer: string): { readonly pid: number | undefined } | undefined;
}
