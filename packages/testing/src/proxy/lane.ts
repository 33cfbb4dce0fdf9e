import type { Socket } from 'node:net';
import { after, monotonicMs } from '../clock.ts';
import type { SeededRandom } from '../random.ts';

/**
 * How bytes get through one direction of a connection.
 *
 * - `pass`: as they come, subject to delay and throttle.
 * - `hold`: they wait until passed on, as during a network stall that TCP survives.
 * - `swallow`: they are lost, and so is the end of the connection: the other side hears nothing, ever.
 */
export type LaneMode = 'pass' | 'hold' | 'swallow';

interface Parcel {
  /** `undefined` is the end of the stream. */
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

/** Bytes a lane keeps before it stops reading; the rest waits in the sockets, as in a slow network. */
const MAX_QUEUED_BYTES = 1024 * 1024;
/** Throttled bytes leave in pieces of about this much time. */
const THROTTLE_STEP_MS = 10;

/** One direction of a proxied connection, from the socket that is read to the one that is written. */
export class Lane {
  mode: LaneMode = 'pass';
  delayMs = 0;
  jitterMs = 0;
  /** Infinite for no limit. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** Bytes written to the other side. */
  passedBytes = 0;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #random: SeededRandom;
  #queue: Parcel[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(from: Socket, to: Socket, random: SeededRandom) {
    this.#from = from;
    this.#to = to;
    this.#random = random;
    from.on('data', (bytes: Buffer) => this.#accept(bytes));
    from.on('end', () => this.#accept(undefined));
    to.on('drain', () => this.pump());
  }

  /** Moves on whatever may go now; to be called when mode or limits changed. */
  pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.mode === 'swallow') this.#discard();
    while (this.mode === 'pass' && this.#queue.length > 0 && !this.#to.writableNeedDrain) {
      const waitMs = (this.#queue[0] as Parcel).dueMs - monotonicMs();
      if (waitMs > 0) {
        this.#wakeAfter(waitMs);
        break;
      }
      const pauseMs = this.#sendOne();
      if (pauseMs > 0) {
        this.#wakeAfter(pauseMs);
        break;
      }
    }
    if (this.#queuedBytes < MAX_QUEUED_BYTES) this.#from.resume();
    else this.#from.pause();
  }

  /** Forgets what is queued; for a connection that is over. */
  stop(): void {
    this.#cancelTimer?.();
    this.#discard();
    this.mode = 'swallow';
  }

  #accept(bytes: Buffer | undefined): void {
    if (this.mode === 'swallow') return;
    const extraMs = this.delayMs + this.#random.next() * this.jitterMs;
    // Order is kept whatever the jitter: a byte never overtakes one before it.
    this.#lastDueMs = Math.max(this.#lastDueMs, extraMs > 0 ? monotonicMs() + extraMs : 0);
    this.#queue.push({ bytes, dueMs: this.#lastDueMs });
    this.#queuedBytes += bytes?.length ?? 0;
    this.pump();
  }

  /** Writes the first parcel or a piece of it; answers how long to wait before the next. */
  #sendOne(): number {
    const parcel = this.#queue[0] as Parcel;
    if (parcel.bytes === undefined) {
      this.#queue.shift();
      if (!this.#to.destroyed) this.#to.end();
      return 0;
    }
    const pieceBytes = Math.max(1, Math.floor((this.bytesPerSecond * THROTTLE_STEP_MS) / 1_000));
    const piece = parcel.bytes.length <= pieceBytes ? parcel.bytes : parcel.bytes.subarray(0, pieceBytes);
    if (piece === parcel.bytes) this.#queue.shift();
    else this.#queue[0] = { ...parcel, bytes: parcel.bytes.subarray(pieceBytes) };
    this.#queuedBytes -= piece.length;
    this.passedBytes += piece.length;
    if (!this.#to.destroyed) this.#to.write(piece);
    return Number.isFinite(this.bytesPerSecond) ? (piece.length / this.bytesPerSecond) * 1_000 : 0;
  }

  #wakeAfter(ms: number): void {
    this.#cancelTimer = after(ms, () => {
      this.#cancelTimer = undefined;
      this.pump();
    });
  }

  #discard(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}
