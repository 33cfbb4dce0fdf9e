import type { Socket } from 'node:net';
import type { SeededRandom } from '../random.ts';
import { Lane, type LaneMode } from './lane.ts';

/** How a connection is ended: at once and without a farewell (`reset`, RST), or in order (`fin`). */
export type CutKind = 'reset' | 'fin';

/** How slowly bytes get through. */
export interface Slowness {
  /** What every byte takes longer, in ms. Default 0. */
  readonly delayMs?: number;
  /** Up to this much more, drawn for each chunk, in ms. Order is kept. Default 0. */
  readonly jitterMs?: number;
  /** Bytes a second, in each direction. Default: no limit. */
  readonly bytesPerSecond?: number;
}

/** Bytes remembered of what a client sends first, enough to tell connections apart by what they say. */
const GREETING_BYTES = 4_096;

/** One connection through a {@link FaultProxy}. Faults hold for both directions. */
export class ProxiedConnection {
  readonly id: number;
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #toTarget: Lane;
  readonly #toClient: Lane;
  #greeting = '';
  #isLost = false;

  /** @internal */
  constructor(id: number, client: Socket, target: Socket, random: SeededRandom) {
    this.id = id;
    this.#client = client;
    this.#target = target;
    client.on('data', (bytes: Buffer) => this.#note(bytes));
    this.#toTarget = new Lane(client, target, random);
    this.#toClient = new Lane(target, client, random);
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', (hadError) => this.#onClose(other, hadError));
    }
  }

  /** The first bytes its client sent, as text. */
  get greeting(): string {
    return this.#greeting;
  }

  /** Whether the client still holds its end. */
  get isOpen(): boolean {
    return !this.#client.destroyed;
  }

  /** Bytes that reached the target, and bytes that reached the client. */
  get passedBytes(): { readonly toTarget: number; readonly toClient: number } {
    return { toTarget: this.#toTarget.passedBytes, toClient: this.#toClient.passedBytes };
  }

  /** Ends both sides. */
  cut(kind: CutKind = 'reset'): void {
    this.#toTarget.stop();
    this.#toClient.stop();
    for (const socket of [this.#client, this.#target]) {
      if (kind === 'reset') reset(socket);
      else socket.destroy();
    }
  }

  /** Half-open from now on and for good: bytes are swallowed both ways, and neither side learns that the other is gone. */
  silence(): void {
    this.#isLost = true;
    this.#setMode('swallow');
  }

  /** Bytes wait until {@link resume}; nothing is lost, everything comes late. */
  hold(): void {
    if (!this.#isLost) this.#setMode('hold');
  }

  /** Every byte from now on comes late or slowly. */
  slow({ delayMs = 0, jitterMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY }: Slowness): void {
    for (const lane of [this.#toTarget, this.#toClient]) {
      lane.delayMs = delayMs;
      lane.jitterMs = jitterMs;
      lane.bytesPerSecond = bytesPerSecond;
      lane.pump();
    }
  }

  /** Ends holding and slowness. A silenced connection stays silent: bytes of it are lost. */
  resume(): void {
    if (!this.#isLost) this.#setMode('pass');
    this.slow({});
  }

  #setMode(mode: LaneMode): void {
    for (const lane of [this.#toTarget, this.#toClient]) {
      lane.mode = mode;
      lane.pump();
    }
  }

  #note(bytes: Buffer): void {
    if (this.#greeting.length < GREETING_BYTES) this.#greeting += bytes.toString('latin1', 0, GREETING_BYTES);
  }

  #onClose(other: Socket, hadError: boolean): void {
    // What the other end of a silent connection hears of its death is nothing.
    if (this.#isLost || other.destroyed) return;
    // After an orderly end the lane hands the rest over and ends the other side itself.
    if (hadError) reset(other);
  }
}

function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // A socket whose shutdown is under way refuses to be reset (EINVAL) and would never close: Node then spins at exit.
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
