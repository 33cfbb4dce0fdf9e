import { setTimeout as delay } from 'node:timers/promises';

/**
 * Milliseconds on the machine's monotonic clock, the same for all its processes: what histories are dated with.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves after `ms`. Keeps the process alive meanwhile. */
export async function sleep(ms: number): Promise<void> {
  await delay(ms);
}

/** Runs `call` once after `delayMs`; the result takes it back. Never keeps the process alive. */
export function after(delayMs: number, call: () => void): () => void {
  const timer = setTimeout(call, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}

/** Runs `call` every `periodMs`; the result ends it. Never keeps the process alive. */
export function every(periodMs: number, call: () => void): () => void {
  const timer = setInterval(call, periodMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Resolves on the next turn of the event loop, without a timer's granularity. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The date and time of day as ISO 8601. */
export function nowIso(): string {
  return new Date().toISOString();
}
