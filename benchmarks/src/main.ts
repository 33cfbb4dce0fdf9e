// npm run bench [-- scenario ...] [--list] [--rounds N] [--round-ms N] [--seed N] [--json FILE]
// Measures tierwise beside the bare clients and the other layered caches. Starts its own Redis and Memcached.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runCommand, type Server, startMemcached, startRedis } from '../../scripts/servers/index.ts';
import { Bench, type Scenario } from './bench.ts';
import { currentLoad, describeMachine, isBusy } from './machine.ts';
import { printScenario, printTargets } from './print.ts';
import { Progress } from './progress.ts';
import type { Report, ScenarioResult } from './result.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { serverVersions } from './server-versions.ts';

const DEFAULT_ROUNDS = 15;
const DEFAULT_ROUND_MS = 80;
const DEFAULT_SEED = 1;

interface Request {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly roundMs: number;
  readonly seed: number;
  readonly json: string | undefined;
}

await runCommand(main);

async function main(): Promise<number> {
  const request = readRequest();
  if (typeof request === 'number') return request;
  await using redis = await startRedis();
  await using memcached = await startMemcached();
  const report = await run(request, redis, memcached);
  printTargets(report.scenarios);
  console.log(`\n${Math.round(report.tookS)} s, seed ${report.seed}`);
  if (request.json !== undefined) writeFileSync(request.json, `${JSON.stringify(report, undefined, 2)}\n`);
  return 0;
}

async function run({ scenarios, rounds, roundMs, seed }: Request, redis: Server, memcached: Server): Promise<Report> {
  const progress = new Progress();
  const loadAtStart = currentLoad();
  if (isBusy(loadAtStart)) {
    progress.begin(`the load of this machine is ${loadAtStart}: it is busy, and so figures are not worth publishing`);
  }
  const startedAt = new Date().toISOString();
  const memcachedAddress = `${memcached.host}:${memcached.port}`;
  const bench = new Bench({ redisUrl: redis.url, memcachedAddress, rounds, roundMs, seed, progress });
  const done: ScenarioResult[] = [];
  for (const [index, scenario] of scenarios.entries()) {
    const { name, title, question, limits } = scenario;
    progress.begin(`${name} (${index + 1} of ${scenarios.length})`);
    const groups = await scenario.run(bench);
    progress.end();
    done.push({ name, title, question, limits, groups });
    printScenario(done.at(-1) as ScenarioResult);
  }
  const machine = describeMachine(await serverVersions(redis, memcached), loadAtStart);
  return { machine, startedAt, tookS: Math.round(progress.elapsedS), seed, rounds, scenarios: done };
}

/** What the command line asks for, or the exit code where there is nothing to run. */
function readRequest(): Request | number {
  const options = {
    list: { type: 'boolean' },
    rounds: { type: 'string' },
    'round-ms': { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'string' },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.list === true) {
    for (const { name, question } of SCENARIOS) console.log(`${name.padEnd(14)} ${question}`);
    return 0;
  }
  const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);
  const roundMs = Number(values['round-ms'] ?? DEFAULT_ROUND_MS);
  const seed = Number(values.seed ?? DEFAULT_SEED);
  if (unknown.length > 0) {
    console.error(
      `There is no scenario ${unknown.join(', ')}; there are: ${SCENARIOS.map(({ name }) => name).join(', ')}.`,
    );
    return 2;
  }
  if (!(Number.isInteger(rounds) && rounds > 0 && roundMs > 0 && Number.isInteger(seed))) {
    console.error('--rounds and --round-ms take a number above 0, --seed a whole number.');
    return 2;
  }
  const scenarios = positionals.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => positionals.includes(name));
  return { scenarios, rounds, roundMs, seed, json: values.json };
}
