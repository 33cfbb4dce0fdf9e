/** Counts the calls under way, for whoever has to wait for the last of them. */
export class UnderWay {
  #calls = 0;
  #waiting: (() => void)[] = [];

  begin(): void {
    this.#calls++;
  }

  end(): void {
    this.#calls--;
    if (this.#calls > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when no call is under way. */
  settle(): Promise<void> {
    return this.#calls <= 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
