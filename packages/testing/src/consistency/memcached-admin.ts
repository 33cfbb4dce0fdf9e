import { connect, type Socket } from 'node:net';
import { after } from '../clock.ts';

const ANSWER_TIMEOUT_MS = 5_000;
/** Sizes that between them reach every class of memory an entry of a run may be in. */
const FILLER_BYTES = Array.from({ length: 12 }, (_, index) => 80 + 48 * index);
const FILLERS_OF_A_SIZE = 100;

/** What became of stores, by the server's own words. */
export interface Filling {
  readonly stored: number;
  readonly refused: number;
}

/** A connection to one server past the proxies, in the text protocol. */
export class MemcachedAdmin {
  readonly #socket: Socket;
  #fillers = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Runs `use` on a connection, which ends with it. */
  static async use<R>(
    { host, port }: { readonly host: string; readonly port: number },
    use: (admin: MemcachedAdmin) => Promise<R>,
  ): Promise<R> {
    const socket = connect({ host, port });
    socket.setEncoding('latin1').on('error', () => {});
    try {
      return await use(new MemcachedAdmin(socket));
    } finally {
      socket.destroy();
    }
  }

  /** Makes the server forget everything. */
  async forget(): Promise<void> {
    await this.#ask('flush_all\r\n', (answer) => answer.endsWith('\r\n'));
  }

  /** Stores some entries of each size, each under a name of its own; never expiring, unlike those of a cache. */
  async fill(): Promise<Filling> {
    const commands: string[] = [];
    for (const bytes of FILLER_BYTES) {
      for (let i = 0; i < FILLERS_OF_A_SIZE; i++) {
        commands.push(`set filler:${this.#fillers++} 0 0 ${bytes}\r\n${'x'.repeat(bytes)}\r\n`);
      }
    }
    const answer = await this.#ask(commands.join(''), (text) => linesOf(text).length === commands.length);
    const stored = linesOf(answer).filter((line) => line === 'STORED').length;
    return { stored, refused: commands.length - stored };
  }

  /** Entries with an expiry that were evicted since the server started: those of caches. */
  evicted(): Promise<number> {
    return this.#ofItems('evicted_nonzero');
  }

  /** Stores, of whatever protocol, that were refused for want of memory since the server started. */
  refused(): Promise<number> {
    return this.#ofItems('outofmemory');
  }

  /** One figure of all classes of items together. */
  async #ofItems(figure: string): Promise<number> {
    const items = await this.#stats('stats items');
    return [...items].reduce((sum, [name, value]) => (name.endsWith(`:${figure}`) ? sum + value : sum), 0);
  }

  async #stats(command: string): Promise<ReadonlyMap<string, number>> {
    const answer = await this.#ask(`${command}\r\n`, (text) => text.endsWith('END\r\n'));
    return new Map(
      linesOf(answer).map((line) => {
        const [, name = '', value = ''] = line.split(' ');
        return [name, Number(value)];
      }),
    );
  }

  /** One command after the other: what arrives until the answer is complete belongs to this one. */
  #ask(commands: string, isComplete: (answer: string) => boolean): Promise<string> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      let answer = '';
      const end = (settle: () => void): void => {
        cancel();
        socket.off('data', onData).off('close', onClose);
        settle();
      };
      const onData = (text: string): void => {
        answer += text;
        if (isComplete(answer)) end(() => resolve(answer));
      };
      const onClose = (): void => end(() => reject(new Error('Memcached closed the connection')));
      const cancel = after(ANSWER_TIMEOUT_MS, () => {
        end(() => reject(new Error(`Memcached did not answer within ${ANSWER_TIMEOUT_MS} ms`)));
      });
      socket.on('data', onData).on('close', onClose);
      socket.write(commands);
    });
  }
}

function linesOf(text: string): string[] {
  return text.split('\r\n').slice(0, -1);
}
