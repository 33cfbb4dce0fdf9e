// npm run bench:report [-- --check]
// Writes docs/benchmarks.md and its charts from benchmarks/results/published.json, and the figures of the guide to Memcached
// from it and from benchmarks/results/false-invalidations.json. With --check nothing is written, and what is there must be
// what would be.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FalseInvalidations } from '../bucket-arithmetic.ts';
import type { Report } from '../result.ts';
import { drawChart } from './chart.ts';
import { writeGuide } from './guide.ts';
import { CHARTS, writePage } from './page.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SOURCE = 'benchmarks/results/published.json';
const BUCKETS = 'benchmarks/results/false-invalidations.json';
const GUIDE = 'guides/memcached.md';
const DOCS = `${ROOT}/docs`;

const report = JSON.parse(readFileSync(`${ROOT}/${SOURCE}`, 'utf8')) as Report;
const measured = JSON.parse(readFileSync(`${ROOT}/${BUCKETS}`, 'utf8')) as FalseInvalidations;
const files = new Map<string, string>([['benchmarks.md', writePage(report, SOURCE)]]);
for (const scenario of report.scenarios) files.set(`${CHARTS}/${scenario.name}.svg`, drawChart(scenario));

files.set(GUIDE, writeGuide(textOf(GUIDE) ?? '', report, measured));

const charts = existsSync(`${DOCS}/${CHARTS}`) ? readdirSync(`${DOCS}/${CHARTS}`) : [];
const leftOver = charts.map((name) => `${CHARTS}/${name}`).filter((path) => !files.has(path));
const outdated = [...files].filter(([path, text]) => textOf(path) !== text).map(([path]) => path);

if (!process.argv.includes('--check')) {
  mkdirSync(`${DOCS}/${CHARTS}`, { recursive: true });
  for (const [path, text] of files) writeFileSync(`${DOCS}/${path}`, text);
  for (const path of leftOver) rmSync(`${DOCS}/${path}`);
  console.log(`${files.size} files written from benchmarks/results`);
} else if (outdated.length + leftOver.length > 0) {
  for (const path of outdated) console.error(`docs/${path} is not what benchmarks/results gives: npm run bench:report`);
  for (const path of leftOver) console.error(`docs/${path} is of no scenario: npm run bench:report`);
  process.exitCode = 1;
} else {
  console.log(`${files.size} files are what benchmarks/results gives`);
}

function textOf(path: string): string | undefined {
  return existsSync(`${DOCS}/${path}`) ? readFileSync(`${DOCS}/${path}`, 'utf8') : undefined;
}
