import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLua, readLuaDirectory, renderLuaConstants } from '../lua-source.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tierwise-lua-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('readLua', () => {
  test('keeps the language line, drops whole-line comments and blank lines, and digests what is left', () => {
    const text =
      "#!lua\n-- Counts.\n-- keys: 1\n\nlocal n = redis.call('INCR', KEYS[1]) -- kept\n  -- gone\nreturn n\n";
    const script = readLua('count-one', text, dir);
    expect(script.source).toBe("#!lua\nlocal n = redis.call('INCR', KEYS[1]) -- kept\nreturn n\n");
    expect(script).toMatchObject({ name: 'count-one', keys: 1, variadic: false });
    expect(script.sha1).toMatch(/^[0-9a-f]{40}$/);
  });

  test('puts shared files in place', () => {
    mkdirSync(join(dir, 'shared'));
    writeFileSync(join(dir, 'shared', 'next-seq.lua'), '-- Shared.\nlocal seq = 1\n');
    const script = readLua('drop-keys', '-- keys: 0\n-- include: shared/next-seq.lua\nreturn seq\n', dir);
    expect(script.source).toBe('local seq = 1\nreturn seq\n');
  });

  test('refuses a script whose header does not fit its keys', () => {
    expect(() => readLua('drop-keys', 'return 1\n', dir)).toThrow('no header line');
    expect(() => readLua('drop-keys', '-- keys: 1\nreturn KEYS[2]\n', dir)).toThrow('uses KEYS[2]');
    expect(() => readLua('drop-keys', '-- keys: 1\nreturn #KEYS\n', dir)).toThrow('has to say "keys: 1+"');
    expect(() => readLua('drop', '-- keys: 1\nreturn 1\n', dir)).toThrow('<verb>-<noun>.lua');
  });
});

describe('renderLuaConstants', () => {
  test('writes constants that read back as the same source', () => {
    const source = `return '\\n\`${'$'}{x}\`'\n`;
    writeFileSync(join(dir, 'echo-text.lua'), `-- keys: 0+\n${source}`);
    const text = renderLuaConstants(readLuaDirectory(dir));
    expect(text).toContain(
      "export const ECHO_TEXT: LuaScript = {\n  name: 'echo-text',\n  keys: 0,\n  variadic: true,",
    );
    const literal = /source: (`[\s\S]*`),/.exec(text)?.[1];
    expect(new Function(`return ${literal}`)()).toBe(source);
  });

  test('has nothing to say about a directory that does not exist', () => {
    expect(readLuaDirectory(join(dir, 'nowhere'))).toEqual([]);
  });
});
