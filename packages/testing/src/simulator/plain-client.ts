import { CacheError, type PlainRead, type PlainStore, type PlainWrite } from 'tierwise/driver';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { PlainServer } from './plain-server.ts';
import type { Wire } from './wire.ts';

export interface PlainClientOptions {
  readonly machine: Machine;
  readonly network: Network;
  readonly instance: number;
  readonly server: PlainServer;
  readonly deadlineMs: number;
}

const LATE = new CacheError('REMOTE_TIMEOUT', 'no answer in time');
const AWAY = new CacheError('REMOTE_UNAVAILABLE', 'not connected');

/** What a driver of a layer without scripts does: one connection, a deadline on every call, and nothing sent twice. */
export class PlainClient implements PlainStore {
  readonly limits = { maxBatch: 100, maxValueBytes: 2 ** 20, parts: 1 };
  readonly #options: PlainClientOptions;
  #wire: Wire | undefined;
  #isClosed = false;

  constructor(options: PlainClientOptions) {
    this.#options = options;
  }

  partOf(): number {
    return 0;
  }

  read(names: readonly string[]): Promise<readonly PlainRead[]> {
    const { server } = this.#options;
    return this.#call(names.length, () => names.map((name) => server.get(name)));
  }

  write(writes: readonly PlainWrite[]): Promise<readonly (CacheError | undefined)[]> {
    const { server } = this.#options;
    return this.#call(writes.length, () =>
      writes.map(({ name, bytes }) => {
        server.set(name, bytes);
        return undefined;
      }),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#wire !== undefined) this.#giveUp(this.#wire);
  }

  #call<O>(count: number, work: () => O[]): Promise<readonly (O | CacheError)[]> {
    const { machine, network, instance, server, deadlineMs } = this.#options;
    const failed = (error: CacheError): CacheError[] => new Array<CacheError>(count).fill(error);
    if (this.#isClosed) return Promise.resolve(failed(AWAY));
    this.#wire ??= network.connect(instance, 'plain');
    const wire = this.#wire;
    return new Promise((resolve) => {
      const timer = machine.after(deadlineMs, () => {
        this.#giveUp(wire);
        resolve(failed(LATE));
      });
      const answer = (outcomes: readonly (O | CacheError)[]): void =>
        wire.send('down', () =>
          machine.run(() => {
            if (wire.isReset) return;
            timer.cancel();
            resolve(outcomes);
          }),
        );
      wire.send('up', () =>
        server.receive(
          () => answer(work()),
          () => answer(failed(AWAY)),
        ),
      );
    });
  }

  /** What is on its way may still arrive; nobody waits for an answer any more. */
  #giveUp(wire: Wire): void {
    wire.reset();
    this.#options.network.forget(wire);
    if (this.#wire === wire) this.#wire = undefined;
  }
}
