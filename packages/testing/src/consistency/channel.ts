/** One end of a pipe between two processes, as `process` and `ChildProcess` both offer it. */
export interface MessagePort {
  send?(message: object, callback: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

type Handlers<H> = {
  readonly [N in keyof H]: H[N] extends (argument: infer A) => unknown ? (argument: A) => unknown : never;
};
type Argument<F> = F extends (argument: infer A) => unknown ? A : never;
type Answer<F> = F extends (argument: never) => infer R ? Awaited<R> : never;

interface Question {
  readonly id: number | undefined;
  readonly call: string;
  readonly argument: unknown;
}

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Calls in both directions over one pipe: `Own` are answered here, `Other` are answered on the other side. */
export class Channel<Own, Other> {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;
  #isClosed = false;

  constructor(port: MessagePort, handlers: Handlers<Own>) {
    this.#port = port;
    port.on('message', (message) => {
      const { call } = message as Partial<Question>;
      if (call === undefined) this.#onReply(message as Reply);
      else void this.#answer(message as Question, handlers[call as keyof Own] as (argument: unknown) => unknown);
    });
  }

  /** Asks and waits for the answer; rejects when the other side fails or the channel closes. */
  call<N extends keyof Other & string>(name: N, argument: Argument<Other[N]>): Promise<Answer<Other[N]>> {
    if (this.#isClosed) return Promise.reject(new Error('the other process is gone'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#send({ id, call: name, argument });
    });
  }

  /** Tells without waiting. */
  tell<N extends keyof Other & string>(name: N, argument: Argument<Other[N]>): void {
    if (!this.#isClosed) this.#send({ id: undefined, call: name, argument });
  }

  /** Rejects whatever waits; to be called when the other process is gone. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the other process is gone'));
    this.#waiting.clear();
  }

  async #answer({ id, argument }: Question, handler: (argument: unknown) => unknown): Promise<void> {
    try {
      const value = await handler(argument);
      if (id !== undefined) this.#send({ id, value });
    } catch (error) {
      if (id !== undefined) this.#send({ id, error: String(error) });
    }
  }

  #onReply({ id, value, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }

  #send(message: Question | Reply): void {
    // A pipe that is gone shows by the end of its process.
    this.#port.send?.(message, () => {});
  }
}
