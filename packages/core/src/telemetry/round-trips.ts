/** Events remembered on either side; more than the bus can be behind by without a gap being noticed. */
const SLOTS = 256;

interface Noted {
  readonly epoch: string;
  readonly seq: number;
  readonly atMs: number;
}

/**
 * Pairs the sending of own events with their messages, whichever of reply and message comes first. Both moments are read
 * from one clock, so the difference tells how fast the bus is.
 */
export class RoundTrips {
  readonly #sent: (Noted | undefined)[] = [];
  readonly #heard: (Noted | undefined)[] = [];

  /** The reply of an own event has come, which was sent at `atMs`. Answers how long its message took, if it is here. */
  onReply(epoch: string, seq: number, atMs: number): number | undefined {
    const heard = take(this.#heard, epoch, seq);
    if (heard !== undefined) return heard.atMs - atMs;
    this.#sent[seq % SLOTS] = { epoch, seq, atMs };
    return undefined;
  }

  /** A message has come at `atMs`. Answers how long it took, if it is of an own event whose reply is here. */
  onMessage(epoch: string, seq: number, atMs: number): number | undefined {
    const sent = take(this.#sent, epoch, seq);
    if (sent !== undefined) return atMs - sent.atMs;
    this.#heard[seq % SLOTS] = { epoch, seq, atMs };
    return undefined;
  }
}

function take(slots: (Noted | undefined)[], epoch: string, seq: number): Noted | undefined {
  const noted = slots[seq % SLOTS];
  if (noted?.seq !== seq || noted.epoch !== epoch) return undefined;
  slots[seq % SLOTS] = undefined;
  return noted;
}
