/** What an asynchronous call answers, as a promise whatever it does: one that throws, where it should reject, has rejected. */
export function promiseOf<R>(call: () => Promise<R>): Promise<R> {
  try {
    // Its own promise, and no further one: this stands around every command.
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}
