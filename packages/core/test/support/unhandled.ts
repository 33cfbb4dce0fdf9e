import { setImmediate } from 'node:timers/promises';

/** What was rejected during some work with nobody there to hear of it. */
export async function unhandledDuring(work: () => Promise<unknown>): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    await work();
    // Node tells of them when the microtasks of a turn have run.
    await setImmediate();
  } finally {
    process.off('unhandledRejection', note);
  }
  return unhandled;
}
