import { Screen } from './screen.ts';
import type { Summary } from './summary.ts';
import { progressLine, summaryLines, type TableHead, tableLines } from './table.ts';

/** Where a run is shown. */
export interface Reporter {
  /** How often `progress` wants to be called. */
  readonly everyMs: number;
  progress(summary: Summary): void;
  finish(summary: Summary): void;
  /** Leaves the terminal as it was found; idempotent. */
  close(): void;
}

/** A live table on a terminal, a line a second elsewhere, or only the JSON of the summary. */
export function createReporter(head: TableHead, out: NodeJS.WriteStream, json: boolean): Reporter {
  if (json) return jsonReporter(out);
  return out.isTTY ? liveReporter(head, out) : lineReporter(head, out);
}

function jsonReporter(out: NodeJS.WriteStream): Reporter {
  return {
    everyMs: 1000,
    progress: () => {},
    finish: (summary) => void out.write(`${JSON.stringify(summary, undefined, 2)}\n`),
    close: () => {},
  };
}

function lineReporter(head: TableHead, out: NodeJS.WriteStream): Reporter {
  const write = (lines: readonly string[]): void => void out.write(`${lines.join('\n')}\n`);
  write([`tierwise catalog: ${head.title}, ${head.totalSeconds} s`]);
  return {
    everyMs: 1000,
    progress: (summary) => write([progressLine(summary, head)]),
    finish: (summary) => write(['', ...tableLines(summary, head, 100), '', ...summaryLines(summary, head)]),
    close: () => {},
  };
}

function liveReporter(head: TableHead, out: NodeJS.WriteStream): Reporter {
  const screen = new Screen(out);
  let closed = false;
  return {
    everyMs: 250,
    progress: (summary) => screen.draw(tableLines(summary, head, screen.columns)),
    finish(summary) {
      screen.draw(tableLines(summary, head, screen.columns));
      out.write(`\n${summaryLines(summary, head).join('\n')}\n`);
    },
    close() {
      if (!closed) screen.close();
      closed = true;
    },
  };
}
