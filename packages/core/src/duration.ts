import { CacheError, describe } from './errors.ts';

type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd';

/** A span of time: milliseconds as a number, or a number with its unit, such as `'250ms'`, `'30s'`, `'1.5h'`, `'7d'`. */
export type Duration = number | `${number}${DurationUnit}`;

/** The longest duration accepted: ten years of 365 days. */
export const MAX_DURATION_MS: number = 10 * 365 * 86_400_000;

const UNIT_MS: Readonly<Record<DurationUnit, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PATTERN = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/;

/**
 * Whole milliseconds of a duration, rounded up, so that a positive duration never becomes 0.
 *
 * @param subject names the option in the error.
 * @throws {CacheError} `INVALID_DURATION`
 */
export function toMs(duration: Duration, subject: string): number {
  const ms = typeof duration === 'number' ? duration : parse(duration, subject);
  if (!Number.isFinite(ms) || ms <= 0) {
    throw invalid(subject, `must be a positive span of time, got ${describe(ms)}`);
  }
  if (ms > MAX_DURATION_MS) {
    throw invalid(subject, `must be at most ${MAX_DURATION_MS} ms, got ${ms} ms`);
  }
  return Math.ceil(ms);
}

function parse(text: unknown, subject: string): number {
  if (typeof text !== 'string') throw invalid(subject, `must be milliseconds or text like '5m', got ${describe(text)}`);
  const match = PATTERN.exec(text);
  if (match === null) throw invalid(subject, `must look like '250ms', '30s', '5m', '2h' or '7d'`);
  return Number(match[1]) * UNIT_MS[match[2] as DurationUnit];
}

function invalid(subject: string, rule: string): CacheError {
  return new CacheError('INVALID_DURATION', `${subject} ${rule}`, { subject });
}
