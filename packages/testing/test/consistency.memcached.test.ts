import { describe, expect, it } from 'vitest';
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

  it('notices an instance that hears nothing', async () => {
    const { code, stdout } = await run('--break', 'deaf');
    expect(stdout).toMatch(/staleness: i0 on /);
    expect(code).toBe(1);
  });
});
