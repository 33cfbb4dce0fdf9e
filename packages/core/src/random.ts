import { randomBytes } from 'node:crypto';

/** A new epoch: 16 random bytes as 32 lower-case hexadecimal digits. */
export function randomEpoch(): string {
  return randomBytes(16).toString('hex');
}

/** A delay near `delayMs`, a quarter more or less, so that many instances do not retry in step. */
export function jittered(delayMs: number): number {
  return delayMs * (0.75 + Math.random() / 2);
}
