import { randomBytes } from 'node:crypto';

/** A new epoch: 16 random bytes as 32 lower-case hexadecimal digits. */
export function randomEpoch(): string {
  return randomBytes(16).toString('hex');
}
