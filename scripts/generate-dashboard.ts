/** Writes the Grafana dashboard from its typed source. With `--check` it only says whether the file is up to date. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDashboard } from './dashboard/dashboard.ts';

const TARGET = fileURLToPath(new URL('../docker/grafana/dashboards/tierwise.json', import.meta.url));

const wanted = `${JSON.stringify(createDashboard(), undefined, 2)}\n`;
const present = existsSync(TARGET) ? readFileSync(TARGET, 'utf8') : undefined;

if (present !== wanted) {
  if (process.argv.includes('--check')) {
    console.error('The Grafana dashboard is out of date: run `npm run generate`.');
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(TARGET), { recursive: true });
    writeFileSync(TARGET, wanted);
    console.log('Wrote the Grafana dashboard.');
  }
}
