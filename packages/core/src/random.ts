import { randomFillSync } from 'node:crypto';

const EPOCH_BYTES = 16;

/** Every call of a script offers an epoch, and asking for random bytes costs about the same for one as for many. */
const drawn = Buffer.alloc(64 * EPOCH_BYTES);
let usedBytes = drawn.length;

/** A new epoch: 16 random bytes as 32 lower-case hexadecimal digits. */
export function randomEpoch(): string {
  if (usedBytes === drawn.length) {
    randomFillSync(drawn);
    usedBytes = 0;
  }
  usedBytes += EPOCH_BYTES;
  return drawn.toString('hex', usedBytes - EPOCH_BYTES, usedBytes);
}

/** A delay near `delayMs`, a quarter more or less, so that many instances do not retry in step. */
export function jittered(delayMs: number): number {
  return delayMs * (0.75 + Math.random() / 2);
}
