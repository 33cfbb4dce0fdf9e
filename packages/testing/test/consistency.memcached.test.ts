import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RunReport } from '../src/consistency/report.ts';
import { runCommand, type Screenshot } from './consistency-command.ts';

/** Three processes with entries in Memcached and the order of things in Redis, both real. */
function run(...args: string[]): Promise<Screenshot> {
  const size = ['--lease', '300ms', '--seconds', '3', '--reads', '200', '--writes', '20'];
  return runCommand(['--store', 'memcached', ...size, ...args]);
}

describe('tierwise-consistency with entries in Memcached', () => {
  it.each([['none'], ['cut'], ['memrestart'], ['mempause,memevict']])('keeps every promise under %s', async (fault) => {
    const { code, stdout, stderr } = await run('--fault', fault, '--seed', '5');
    expect(stderr + stdout).toContain('Every promise was kept.');
    expect(code).toBe(0);
  });

  it.each([
    ['memfull', /^[1-9]\d* entries of the cache evicted in /],
    ['memrefuse', /^[1-9]\d* entries of the cache refused in /],
  ])('keeps every promise under %s, and tells what came of it', async (fault, expected) => {
    const directory = await mkdtemp(join(tmpdir(), 'tierwise-consistency-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const jsonFile = join(directory, 'report.json');
    const { code, stdout } = await run('--fault', fault, '--seed', '5', '--json', jsonFile);
    expect(stdout).toContain('Every promise was kept.');
    expect(stdout).toMatch(/Memcached hits +stored/);
    expect(code).toBe(0);
    const { runs } = JSON.parse(await readFile(jsonFile, 'utf8')) as { runs: RunReport[] };
    expect(runs[0]?.counters.sharedHits).toBeGreaterThan(0);
    expect(runs[0]?.counters.sharedStored).toBeGreaterThan(0);
    expect(runs[0]?.faultsDone.map(({ detail }) => detail)).toContainEqual(expect.stringMatching(expected));
  });

  it('is not shown by a run that never reads from it', async () => {
    const { code, stdout } = await run('--instances', '1', '--break', 'unused');
    expect(stdout).toContain('not one read was answered from Memcached');
    expect(stdout).toContain('NOT SHOWN');
    expect(code).toBe(1);
  });

  it('notices an instance that hears nothing', async () => {
    const { code, stdout } = await run('--break', 'deaf');
    expect(stdout).toMatch(/staleness: i0 on /);
    expect(code).toBe(1);
  });
});
