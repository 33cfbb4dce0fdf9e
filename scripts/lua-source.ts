import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One script as it goes to the server, together with what a caller has to know about it. */
export interface LuaSource {
  /** File name without its ending, `verb-noun`. */
  readonly name: string;
  /** Number of keys, or the least number where more may follow. */
  readonly keys: number;
  /** Whether more keys than `keys` may be passed. */
  readonly variadic: boolean;
  /** What the server knows the script by, in hexadecimal. */
  readonly sha1: string;
  readonly source: string;
}

const NAME = /^[a-z]+(-[a-z]+)+$/;
const KEYS_HEADER = /^-- keys: (\d+)(\+?)$/m;
const INCLUDE = /^-- include: (shared\/[a-z-]+\.lua)$/;

/** The text with every `-- include: shared/<name>.lua` line replaced by that file. Included files include nothing. */
function expand(text: string, dir: string): string {
  return text
    .split('\n')
    .map((line) => {
      const file = INCLUDE.exec(line)?.[1];
      return file === undefined ? line : readFileSync(join(dir, file), 'utf8');
    })
    .join('\n');
}

/** Takes out whole-line comments and empty lines; the first line stays where it names the language. */
function strip(text: string, name: string): string {
  if (/\[=*\[/.test(text)) throw new Error(`${name}.lua: long brackets are not supported`);
  const kept = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*--/.test(line));
  return `${kept.map((line) => line.trimEnd()).join('\n')}\n`;
}

function checkKeys(source: string, { name, keys, variadic }: Pick<LuaSource, 'name' | 'keys' | 'variadic'>): void {
  for (const [, index] of source.matchAll(/\bKEYS\[(\d+)\]/g)) {
    if (Number(index) > keys) throw new Error(`${name}.lua: uses KEYS[${index}] but its header says "keys: ${keys}"`);
  }
  if (!variadic && /#KEYS\b/.test(source)) {
    throw new Error(`${name}.lua: counts its keys, so its header has to say "keys: ${keys}+"`);
  }
}

/** Reads one script. @throws when its name or header is not as agreed. */
export function readLua(name: string, text: string, dir: string): LuaSource {
  if (!NAME.test(name)) throw new Error(`${name}.lua: a script is called <verb>-<noun>.lua`);
  const header = KEYS_HEADER.exec(text);
  if (header === null) throw new Error(`${name}.lua: no header line "-- keys: <count>" or "-- keys: <count>+"`);
  const facts = { name, keys: Number(header[1]), variadic: header[2] === '+' };
  const source = strip(expand(text, dir), name);
  checkKeys(source, facts);
  return { ...facts, sha1: createHash('sha1').update(source).digest('hex'), source };
}

/** All scripts of a directory in the order of their names; none where there is no such directory. */
export function readLuaDirectory(dir: string): LuaSource[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .map((file) => readLua(file.slice(0, -'.lua'.length), readFileSync(join(dir, file), 'utf8'), dir));
}

function escapeTemplate(source: string): string {
  return source.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${');
}

function renderConstant({ name, keys, variadic, sha1, source }: LuaSource): string {
  return `export const ${name.replaceAll('-', '_').toUpperCase()}: LuaScript = {
  name: '${name}',
  keys: ${keys},
  variadic: ${variadic},
  sha1: '${sha1}',
  source: \`${escapeTemplate(source)}\`,
};
`;
}

/** The text of the generated TypeScript file. The same scripts always give the same text. */
export function renderLuaConstants(scripts: readonly LuaSource[]): string {
  const head = `// Generated from the .lua files in this directory by \`npm run generate\`: edit those.

/** A script for the server: its text, and the digest that \`EVALSHA\` wants. */
export interface LuaScript {
  readonly name: string;
  /** Number of keys, or the least number where \`variadic\`. */
  readonly keys: number;
  readonly variadic: boolean;
  readonly sha1: string;
  readonly source: string;
}
`;
  return [head, ...scripts.map(renderConstant)].join('\n');
}
