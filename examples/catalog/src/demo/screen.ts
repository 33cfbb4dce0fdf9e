import type { WriteStream } from 'node:tty';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const BEGIN_FRAME = '\x1b[?2026h';
const END_FRAME = '\x1b[?2026l';
const CLEAR_TO_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const CLEAR_ALL = '\x1b[H\x1b[J';

/**
 * A block of lines at the end of a terminal that is redrawn in place. Each frame is one write and overwrites the one
 * before it line by line, so nothing flickers; lines are cut to the terminal, so nothing wraps.
 */
export class Screen {
  readonly #out: WriteStream;
  #height = 0;
  /** A terminal of another size has broken the lines anew, so the block has to start over. */
  readonly #startOver = (): void => {
    this.#out.write(CLEAR_ALL);
    this.#height = 0;
  };

  constructor(out: WriteStream) {
    this.#out = out;
    out.write(HIDE_CURSOR);
    out.on('resize', this.#startOver);
  }

  get columns(): number {
    return this.#out.columns || 80;
  }

  draw(lines: readonly string[]): void {
    const rows = Math.max(1, (this.#out.rows || 24) - 1);
    const shown = lines.slice(0, rows).map((line) => line.slice(0, this.columns - 1) + CLEAR_TO_LINE_END);
    const up = this.#height === 0 ? '' : `\x1b[${Math.min(this.#height, rows)}A`;
    this.#out.write(`${BEGIN_FRAME}${up}\r${shown.join('\n')}\n${CLEAR_BELOW}${END_FRAME}`);
    this.#height = shown.length;
  }

  /** Gives the terminal back; what was drawn last stays. */
  close(): void {
    this.#out.off('resize', this.#startOver);
    this.#out.write(SHOW_CURSOR);
  }
}
