import { formatFigure, formatSpread, formatTarget } from './figures.ts';
import type { Group, ScenarioResult } from './result.ts';
import { judge, type TargetOutcome } from './targets.ts';

/** Prints one scenario's groups as they are done. */
export function printScenario({ name, title, question, groups }: ScenarioResult): void {
  console.log(`\n${name}: ${title}\n  ${question}`);
  for (const group of groups) {
    console.log(`\n  ${group.name}`);
    for (const line of linesOf(group)) console.log(`    ${line}`);
  }
}

/** Prints what is aimed at beside what this run measured; targets it had no figures for are left out. */
export function printTargets(scenarios: readonly ScenarioResult[]): void {
  const outcomes = judge(scenarios).filter(({ measured }) => measured !== undefined);
  if (outcomes.length === 0) return;
  console.log('\nTargets\n');
  for (const outcome of outcomes) console.log(`  ${lineOf(outcome)}`);
}

function linesOf({ unit, better, results }: Group): string[] {
  const own = results.find(({ subject }) => subject === 'tierwise')?.median;
  return results.map(({ subject, median, lowest, highest, counts = {} }) => {
    const beside = own === undefined || median === 0 ? '' : advantage(better === 'more' ? own / median : median / own);
    const counted = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    const figure = formatFigure(median, unit).padStart(11);
    const spread = formatSpread(lowest, highest, median).padStart(7);
    return [subject.padEnd(20), figure, spread, beside.padStart(18), ...counted].join('  ').trimEnd();
  });
}

/** How many times as good tierwise is. */
function advantage(ratio: number): string {
  return `tierwise ${ratio.toFixed(2)} x`;
}

function lineOf({ target, measured = Number.NaN, leastWork, isMet }: TargetOutcome): string {
  const { what, beside, unit, atLeast, atMost } = target;
  const bound =
    atLeast === undefined
      ? `at most ${formatTarget(atMost as number, unit)}`
      : `at least ${formatTarget(atLeast, unit)}`;
  const label = beside === '' ? what : `${what}, beside ${beside}`;
  const least = leastWork === undefined ? '' : `; least work ${formatTarget(leastWork, unit)}`;
  return `${isMet ? 'met    ' : 'NOT MET'}  ${formatTarget(measured, unit).padStart(8)}  ${bound.padEnd(17)}  ${label.replaceAll('`', '')}${least}`;
}
