// npm run bench [-- scenario ...] [--json FILE]
// Compares tierwise with the bare libraries below it, interleaved round by round in one process, on a Redis of its own.
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { parseArgs } from 'node:util';
import { findRedis, runCommand } from '../../scripts/servers/index.ts';
import { createFixture, type Fixture, fill } from './fixture.ts';
import { measure, type Result, type Scenario } from './measure.ts';
import { l1Awaited, l1Sync, l2Hit } from './scenarios/reads.ts';
import { telemetry } from './scenarios/telemetry.ts';
import { invalidate, set } from './scenarios/writes.ts';

const SCENARIOS: readonly ((fixture: Fixture) => Scenario)[] = [l1Sync, l1Awaited, l2Hit, set, invalidate];

await runCommand(main);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true });
  const server = await findRedis();
  try {
    await using fixture = await createFixture(server.url);
    await using watched = await telemetry();
    const known = [...SCENARIOS.map((create) => create(fixture)), ...watched.scenarios];
    const scenarios = known.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
    if (scenarios.length === 0) {
      console.error(`There is no such scenario; there are: ${known.map(({ name }) => name).join(', ')}.`);
      return 2;
    }
    const results: Result[] = [];
    for (const scenario of scenarios) {
      await fill(fixture.cache);
      const measured = await measure(scenario);
      results.push(...measured);
      print(scenario, measured);
    }
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report(results), undefined, 2)}\n`);
    return 0;
  } finally {
    await server.stop();
  }
}

function print({ name, question }: Scenario, results: readonly Result[]): void {
  console.log(`\n${name}: ${question}`);
  const base = results[0]?.median ?? 1;
  for (const { subject, median, slowest, fastest } of results) {
    const spread = `${Math.round((100 * (fastest - slowest)) / median)} %`;
    const ratio = (median / base).toFixed(2);
    console.log(
      `  ${subject.padEnd(30)} ${thousands(median).padStart(12)} ops/s   ${ratio.padStart(6)} x   spread ${spread}`,
    );
  }
}

function thousands(rate: number): string {
  return Math.round(rate).toLocaleString('en-US');
}

function report(results: readonly Result[]): object {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, platform: platform(), arch: arch() };
  return { node: process.version, machine, results };
}
