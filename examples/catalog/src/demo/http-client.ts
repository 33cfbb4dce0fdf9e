import { Agent, type IncomingHttpHeaders, request } from 'node:http';

/** Where one instance listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  /** Monotonic time just before the request was handed to the socket, in milliseconds. */
  readonly beganMs: number;
  /** Monotonic time when the last byte of the answer was here. */
  readonly endedMs: number;
}

interface RequestOptions {
  readonly method?: 'GET' | 'PATCH';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const TIMEOUT_MS = 10_000;
const MAX_SOCKETS = 32;

/** HTTP with kept-alive connections to one instance; measures each request on the caller's clock. */
export class HttpClient {
  readonly #address: Address;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });

  constructor(address: Address) {
    this.#address = address;
  }

  /** Rejects when no complete answer came; any status is an answer. */
  send(path: string, { method = 'GET', headers = {}, body }: RequestOptions = {}): Promise<Answer> {
    const { host, port } = this.#address;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const type = payload === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const beganMs = performance.now();
      const outgoing = request({
        host,
        port,
        path,
        method,
        agent: this.#agent,
        headers: { ...type, ...headers },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const endedMs = performance.now();
          try {
            const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString());
            const status = incoming.statusCode ?? 0;
            resolve({ status, headers: incoming.headers, body: parsed, beganMs, endedMs });
          } catch (error) {
            reject(error as Error);
          }
        });
      });
      outgoing.end(payload);
    });
  }

  /** Ends all connections; requests under way reject. */
  close(): void {
    this.#agent.destroy();
  }
}
