/** Tells where a run is: on a terminal as one line that changes, else as a line a step. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAtMs = performance.now();
  #isShown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** Seconds since the run began. */
  get elapsedS(): number {
    return (performance.now() - this.#startedAtMs) / 1000;
  }

  /** A new part of the run; stays readable. */
  begin(text: string): void {
    this.#clear();
    this.#stream.write(`${this.#clock()} ${text}\n`);
  }

  /** What is being done now. */
  step(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#clear();
    this.#stream.write(`${this.#clock()}   ${text}`.slice(0, Math.max(20, this.#stream.columns - 1)));
    this.#isShown = true;
  }

  /** Ends the line that changes. */
  end(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#isShown) this.#stream.write('\r\u001b[K');
    this.#isShown = false;
  }

  #clock(): string {
    const seconds = Math.floor(this.elapsedS);
    return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
