import { parseArgs } from 'node:util';
import { CacheError, type Duration, toMs } from 'tierwise/driver';
import type { Sabotage, StoreName } from './contract.ts';
import { FAULTS, type FaultName } from './faults.ts';

/** What a run was asked to do. */
export interface RunOptions {
  readonly instances: number;
  readonly keys: number;
  /** Per instance. */
  readonly readsPerSecond: number;
  /** Per instance. */
  readonly writesPerSecond: number;
  readonly durationMs: number;
  readonly seed: number;
  readonly leaseMs: number;
  readonly commandTimeoutMs: number;
  readonly deadlineMs: number;
  /** Each is a run of its own; the faults of one run come mixed. */
  readonly runs: readonly { readonly name: string; readonly faults: readonly FaultName[] }[];
  readonly redisUrl: string | undefined;
  /** Partitions of a cache on a cluster; `undefined` for one server. */
  readonly partitions: number | undefined;
  readonly jsonFile: string | undefined;
  readonly htmlFile: string | undefined;
  readonly logFile: string | undefined;
  readonly sabotage: Sabotage;
  readonly store: StoreName;
}

/** The command line cannot be understood; the message is for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const NAMES = Object.keys(FAULTS) as FaultName[];

const PLACES = {
  both: '',
  server: ' (without --cluster)',
  cluster: ' (with --cluster)',
  memcached: ' (with --store memcached)',
} as const;

export const HELP = `Runs real processes with one cache between them against a source of truth, disturbs them, and holds what they answered
against what tierwise promises.

  --fault NAMES       one fault, several with commas (mixed), 'all' (all mixed), or 'each' (one run for each). Default none
  --lease D           Δ, for example 2s, 0.2s, 200ms. Default 2s
  --seconds N         how long there is load, 1 to 3600. Default 10
  --cluster           on a Redis Cluster of three primaries with a replica each, started here, instead of on one server
  --partitions N      partitions of the cache on the cluster, 1 to 1024. Default 16
  --instances N       processes, 1 to 64. Default 3
  --keys N            keys, 1 to 10000. Default 40
  --reads N           reads a second of each instance, 1 to 5000. Default 400
  --writes N          writes a second of each instance, 0 to 2000. Default 40
  --store NAME        where entries are stored: redis, or memcached beside it. Default redis
  --seed N            of load and faults, 0 to 4294967295. Default 1
  --command-timeout D deadline of Redis commands. Default 1s
  --deadline D        a read that takes longer counts as hung. Default: 5s, more for a long Δ
  --json FILE         the report as JSON
  --html FILE         the report as a page with a plot of staleness
  --log FILE          the whole history, as JSON Lines
  --help              this text

Faults:
${NAMES.map((name) => `  ${name.padEnd(12)}${FAULTS[name].says}${PLACES[FAULTS[name].on]}`).join('\n')}

REDIS_URL names a Redis to use; without it one is started. Faults that would harm others (${NAMES.filter((name) => FAULTS[name].needsOwnServer).join(', ')})
are refused there.
Exit code: 0 when every promise was kept, 1 when not or when the faults asked for were not done, 2 for a wrong option.
`;

/**
 * Reads the command line; `'help'` when help is asked for.
 *
 * @throws {UsageError} naming the option and the rule.
 */
export function parseOptions(args: readonly string[], redisUrl: string | undefined): RunOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const leaseMs = duration('--lease', values.lease, 2_000);
  if (leaseMs < MIN_LEASE_MS || leaseMs > MAX_LEASE_MS) {
    throw new UsageError(`--lease must be from ${MIN_LEASE_MS} ms to 10 min, got '${values.lease}'`);
  }
  const isCluster = values.cluster === true;
  const store = storeOf(values.store);
  if (values.partitions !== undefined && !isCluster) {
    throw new UsageError('--partitions is for a run with --cluster; on one server a cache has a single partition');
  }
  const partitions = wholeNumber('--partitions', values.partitions, 16, 1, 1_024);
  const commandTimeoutMs = duration('--command-timeout', values['command-timeout'], 1_000);
  return {
    instances: wholeNumber('--instances', values.instances, 3, 1, 64),
    keys: wholeNumber('--keys', values.keys, 40, 1, 10_000),
    readsPerSecond: wholeNumber('--reads', values.reads, 400, 1, 5_000),
    writesPerSecond: wholeNumber('--writes', values.writes, 40, 0, 2_000),
    durationMs: 1_000 * wholeNumber('--seconds', values.seconds, 10, 1, 3_600),
    seed: wholeNumber('--seed', values.seed, 1, 0, 2 ** 32 - 1),
    leaseMs,
    commandTimeoutMs,
    deadlineMs: duration('--deadline', values.deadline, Math.max(5_000, 2 * (leaseMs + commandTimeoutMs) + 3_000)),
    runs: runsOf(values.fault ?? 'none', redisUrl, isCluster, store),
    redisUrl: checkUrl(redisUrl, isCluster),
    partitions: isCluster ? partitions : undefined,
    jsonFile: values.json,
    htmlFile: values.html,
    logFile: values.log,
    sabotage: sabotageOf(values.break),
    store,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        fault: text,
        lease: text,
        seconds: text,
        instances: text,
        keys: text,
        reads: text,
        writes: text,
        seed: text,
        'command-timeout': text,
        deadline: text,
        json: text,
        html: text,
        log: text,
        break: text,
        store: text,
        cluster: { type: 'boolean' },
        partitions: text,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function runsOf(text: string, redisUrl: string | undefined, isCluster: boolean, store: StoreName): RunOptions['runs'] {
  const places: readonly string[] = ['both', isCluster ? 'cluster' : 'server', store];
  const possible = NAMES.filter((name) => places.includes(FAULTS[name].on));
  const allowed = possible.filter((name) => redisUrl === undefined || !FAULTS[name].needsOwnServer);
  if (text === 'each') return allowed.map((name) => ({ name, faults: [name] }));
  if (text === 'all') return [{ name: 'all', faults: allowed.filter((name) => name !== 'none') }];
  const faults = text.split(',').map((name) => {
    if (!(NAMES as string[]).includes(name)) {
      throw new UsageError(`--fault must be 'all', 'each' or of ${NAMES.join(', ')}; got '${name}'`);
    }
    if (!possible.includes(name as FaultName)) {
      throw new UsageError(`--fault ${name} is for another kind of run:${PLACES[FAULTS[name as FaultName].on]}`);
    }
    if (!allowed.includes(name as FaultName)) {
      throw new UsageError(`--fault ${name} would harm whoever else uses the Redis of REDIS_URL; unset it`);
    }
    return name as FaultName;
  });
  return [{ name: text, faults }];
}

function checkUrl(url: string | undefined, isCluster: boolean): string | undefined {
  if (url !== undefined && isCluster) throw new UsageError('--cluster starts a cluster of its own; unset REDIS_URL');
  if (url === undefined || (URL.canParse(url) && new URL(url).protocol === 'redis:')) return url;
  throw new UsageError('REDIS_URL must look like redis://host:port; connections through the proxies are plain TCP');
}

function storeOf(text: string | undefined): StoreName {
  if (text === undefined || text === 'redis') return 'redis';
  if (text === 'memcached') return text;
  throw new UsageError(`--store must be 'redis' or 'memcached', got '${text}'`);
}

function sabotageOf(text: string | undefined): Sabotage {
  if (text === undefined || text === 'none') return 'none';
  if (text === 'deaf' || text === 'unused') return text;
  throw new UsageError("--break must be 'none', 'deaf' or 'unused'");
}

/** What `coherence.lease` of a cache takes. */
const MIN_LEASE_MS = 100;
const MAX_LEASE_MS = 600_000;

function duration(option: string, text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs;
  try {
    return toMs((/^\d+$/.test(text) ? Number(text) : text) as Duration, option);
  } catch (error) {
    if (CacheError.is(error)) throw new UsageError(error.message);
    throw error;
  }
}

function wholeNumber(option: string, text: string | undefined, fallback: number, min: number, max: number): number {
  const value = text === undefined ? fallback : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`${option} must be a whole number from ${min} to ${max}, got '${text}'`);
}
