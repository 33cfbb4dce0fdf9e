import { writeFile } from 'node:fs/promises';
import { formatHistory, type HistoryEvent } from '../history/events.ts';
import { FROM_PATH, type Launchers } from './launcher.ts';
import { HELP, parseOptions, type RunOptions, UsageError } from './options.ts';
import { ProgressLine, type Screen } from './progress.ts';
import type { RunReport } from './report.ts';
import { htmlReport } from './report-html.ts';
import { formatReports } from './report-text.ts';
import { Run } from './run.ts';

export interface ConsistencyCommand {
  /** The command line, without program and script. */
  readonly args: readonly string[];
  /** Address of a Redis to use; left out or empty, one is started. */
  readonly redisUrl?: string | undefined;
  /** How to start servers. Default: `redis-server` or `valkey-server`, and `memcached`, from the PATH. */
  readonly launch?: Launchers;
  readonly out?: Screen;
  readonly err?: Screen;
}

/** Events of the log that become text at once. */
const LOG_CHUNK = 10_000;

/**
 * The command `tierwise-consistency`. Ends everything it started, also on Ctrl-C.
 *
 * @returns the exit code: 0 when every promise was kept, 1 when not or when the run left out what it was to do, 2 for a wrong option, 130 when interrupted
 */
export async function runConsistency(command: ConsistencyCommand): Promise<number> {
  const { args, redisUrl, launch = FROM_PATH, out = process.stdout, err = process.stderr } = command;
  let options: RunOptions | 'help';
  try {
    options = parseOptions(args, redisUrl === '' ? undefined : redisUrl);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    err.write(`${error.message}\n`);
    return 2;
  }
  if (options === 'help') {
    out.write(HELP);
    return 0;
  }
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const reports = await runAll(options, launch, err, interruption.signal);
    out.write(formatReports(reports));
    await writeReports(options, reports);
    return reports.every(({ ok }) => ok) ? 0 : 1;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    err.write('interrupted\n');
    return 130;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function runAll(
  options: RunOptions,
  launch: Launchers,
  screen: Screen,
  signal: AbortSignal,
): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  const progress = new ProgressLine(screen);
  if (options.logFile !== undefined) await writeFile(options.logFile, '');
  for (const run of options.runs) {
    const onLog = async (log: readonly HistoryEvent[]): Promise<void> => {
      if (options.logFile !== undefined) await appendLog(options.logFile, log);
    };
    const running = new Run(options, run, { launch, signal, onProgress: (state) => progress.show(state), onLog });
    reports.push(await running.go().finally(() => progress.end()));
  }
  return reports;
}

async function appendLog(file: string, log: readonly HistoryEvent[]): Promise<void> {
  for (let at = 0; at < log.length; at += LOG_CHUNK) {
    await writeFile(file, formatHistory(log.slice(at, at + LOG_CHUNK)), { flag: 'a' });
  }
}

async function writeReports({ jsonFile, htmlFile }: RunOptions, reports: readonly RunReport[]): Promise<void> {
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify({ format: 1, runs: reports }, null, 2)}\n`);
  if (htmlFile !== undefined) await writeFile(htmlFile, htmlReport(reports));
}
