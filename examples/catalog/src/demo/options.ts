import { parseArgs } from 'node:util';

/** What the demo was asked to do. */
export interface DemoOptions {
  /** How long load is generated, in seconds. */
  readonly seconds: number;
  /** Seed of the shop and of the workload. */
  readonly seed: number;
  /** Three caches in this process share an in-process hub; no server, no child process. */
  readonly embedded: boolean;
  /** Print the summary as JSON and nothing else. */
  readonly json: boolean;
  /** Send spans to an OTLP receiver and tell where to look at them. */
  readonly traces: boolean;
}

/** The command line cannot be understood; the message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const DEFAULT_SECONDS = 20;
const MAX_SECONDS = 3600;
const MAX_SEED = 2 ** 32 - 1;

export const HELP = `npm run demo -- [options]

Three instances of a shop behind tierwise, with one Redis between them, under load.

  --seconds N   how long to generate load, 1 to ${MAX_SECONDS} (default ${DEFAULT_SECONDS})
  --embedded    no Redis and no child processes: three caches in this process share an in-process hub
  --json        print only the summary, as JSON (call it as npm run -s demo -- --json)
  --seed N      seed of shop and workload, 0 to ${MAX_SEED} (default 1)
  --traces      send traces by OTLP and print links to some in Jaeger
  --help        this text

REDIS_URL names the Redis to use; without it one is found or started. OTEL_EXPORTER_OTLP_ENDPOINT is where
traces go (default http://127.0.0.1:4318).
Exit code: 0 when all went well, 1 when a request failed, a server died or an answer was staler than the
bound, 2 for a wrong option.
`;

/**
 * Reads the command line; `'help'` when help is asked for.
 *
 * @throws {UsageError} naming the option and the rule.
 */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  return {
    seconds: wholeNumber('--seconds', values.seconds, DEFAULT_SECONDS, 1, MAX_SECONDS),
    seed: wholeNumber('--seed', values.seed, 1, 0, MAX_SEED),
    embedded: values.embedded ?? false,
    json: values.json ?? false,
    traces: values.traces ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: joinNegativeNumbers(args),
      options: {
        seconds: { type: 'string' },
        seed: { type: 'string' },
        embedded: { type: 'boolean' },
        json: { type: 'boolean' },
        traces: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // Node's own sentence, without its advice about positional arguments.
    throw new UsageError((error as Error).message.split(/\.\s/)[0]);
  }
}

/** `--seed -1` as `--seed=-1`, so that it is refused for its value and not for its dash. */
function joinNegativeNumbers(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1);
    if (/^-\d/.test(arg) && before?.startsWith('--')) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function wholeNumber(name: string, text: string | undefined, fallback: number, min: number, max: number): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${name} takes a whole number from ${min} to ${max}, not '${text}'`);
}
