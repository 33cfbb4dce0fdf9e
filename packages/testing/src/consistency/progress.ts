import { monotonicMs } from '../clock.ts';
import type { RunProgress } from './run.ts';

const PLAIN_LINE_MS = 2_000;

/** Where progress is shown. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Shows how a run goes: one line that is rewritten on a terminal, a line now and then anywhere else. */
export class ProgressLine {
  readonly #screen: Screen;
  #lastMs = Number.NEGATIVE_INFINITY;
  #isLineOpen = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  show(progress: RunProgress): void {
    const nowMs = monotonicMs();
    if (this.#screen.isTTY === true) {
      this.#screen.write(`\r\x1b[2K${format(progress)}`);
      this.#isLineOpen = true;
    } else if (nowMs - this.#lastMs >= PLAIN_LINE_MS) {
      this.#lastMs = nowMs;
      this.#screen.write(`${format(progress)}\n`);
    }
  }

  /** Leaves the line to what comes next. */
  end(): void {
    if (this.#isLineOpen) this.#screen.write('\r\x1b[2K');
    this.#isLineOpen = false;
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }
}

function format({ name, elapsedMs, loadMs, counters, phase, fault }: RunProgress): string {
  const time = `${(Math.min(elapsedMs, loadMs) / 1_000).toFixed(1)}/${loadMs / 1_000} s`;
  const bad = counters.hung + counters.failed > 0 ? ` · ${counters.hung} hung, ${counters.failed} failed` : '';
  const now = phase === 'load' ? (fault === undefined ? '' : ` · ${fault} …`) : ` · ${phase} …`;
  return `${name} · ${time} · ${counters.reads} reads · ${counters.loads} loads · ${counters.writes} writes${bad}${now}`;
}
