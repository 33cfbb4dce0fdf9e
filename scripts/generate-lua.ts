/** Writes the TypeScript constants of the Lua scripts. With `--check` it only says whether they are up to date. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readLuaDirectory, renderLuaConstants } from './lua-source.ts';

const DIRECTORY = fileURLToPath(new URL('../packages/redis/src/lua', import.meta.url));
const TARGET = `${DIRECTORY}/scripts.generated.ts`;

const scripts = readLuaDirectory(DIRECTORY);
const wanted = renderLuaConstants(scripts);
const present = existsSync(TARGET) ? readFileSync(TARGET, 'utf8') : undefined;

if (scripts.length > 0 && present !== wanted) {
  if (process.argv.includes('--check')) {
    console.error('The constants of the Lua scripts are out of date: run `npm run generate`.');
    process.exitCode = 1;
  } else {
    writeFileSync(TARGET, wanted);
    console.log(`Wrote ${scripts.length} scripts.`);
  }
}
