/** What has to be undone at the end, newest first, however the end comes. */
export class Teardown {
  readonly #steps: (() => void | Promise<void>)[] = [];
  #running: Promise<void> | undefined;

  defer(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Takes every step once, also when one fails; further calls wait for the first. */
  run(): Promise<void> {
    this.#running ??= this.#runSteps();
    return this.#running;
  }

  async #runSteps(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        console.error(error);
      }
    }
  }
}
