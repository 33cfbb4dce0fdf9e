import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkHistory, parseHistory } from '../src/index.ts';
import { runCommand, type Screenshot } from './consistency-command.ts';

describe('tierwise-consistency', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tierwise-consistency-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function run(...args: string[]): Promise<Screenshot> {
    return runCommand(['--lease', '200ms', '--seconds', '3', '--reads', '200', '--writes', '20', ...args]);
  }

  it('keeps every promise without faults, and leaves a report, a page and a log', async () => {
    const files = { json: join(dir, 'r.json'), html: join(dir, 'r.html'), log: join(dir, 'r.log') };
    const { code, stdout, stderr } = await run('--json', files.json, '--html', files.html, '--log', files.log);
    expect(stderr + stdout).toContain('Every promise was kept.');
    expect(code).toBe(0);
    const { runs } = JSON.parse(readFileSync(files.json, 'utf8'));
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ ok: true, violations: { staleness: 0, monotonic: 0, convergence: 0 } });
    expect(runs[0].counters.reads).toBeGreaterThan(300);
    expect(runs[0].propagation.fromCall.count).toBeGreaterThan(5);
    expect(readFileSync(files.html, 'utf8')).toMatch(/<svg .*Δ 200 ms/s);
    expect(readFileSync(files.html, 'utf8')).not.toMatch(/https?:\/\//);
    const verdict = checkHistory(parseHistory(readFileSync(files.log, 'utf8')), { leaseMs: 200 });
    expect(verdict.reads).toBeGreaterThan(300);
    expect(verdict.violations).toEqual(runs[0].violations);
  });

  it('keeps every promise while connections are cut', async () => {
    const { code, stdout } = await run('--fault', 'cut', '--seed', '7');
    expect(stdout).toContain('Every promise was kept.');
    expect(code).toBe(0);
  });

  it('keeps every promise on a cluster whose slots move, and ends all of its nodes', async () => {
    const file = join(dir, 'cluster.json');
    const args = ['--cluster', '--fault', 'migrate,cut', '--seconds', '4', '--lease', '500ms', '--json', file];
    const { code, stdout, leftovers } = await runCommand([...args, '--reads', '100'], { command: 'package' });
    expect(stdout).toContain('Every promise was kept.');
    expect(code).toBe(0);
    expect(leftovers).toEqual([]);
    const { runs } = JSON.parse(readFileSync(file, 'utf8'));
    expect(runs[0]).toMatchObject({ ok: true, partitions: 16, complaints: [] });
    expect(runs[0].faultsDone).not.toEqual([]);
  });

  it('notices an instance that hears nothing', async () => {
    const { code, stdout } = await run('--break', 'deaf');
    expect(stdout).toMatch(/BROKEN: \d+ breaches/);
    expect(stdout).toMatch(/staleness: i0 on /);
    expect(stdout).not.toMatch(/staleness: i1 on /);
    expect(code).toBe(1);
  });

  it('ends everything it started when it is interrupted', async () => {
    const { code, stderr, leftovers } = await runCommand(['--seconds', '60'], { interruptAfterMs: 3_000 });
    expect(stderr).toContain('interrupted');
    expect(code).toBe(130);
    expect(leftovers).toEqual([]);
  });

  it('says what is wrong with an option, and how to use it', async () => {
    expect(await runCommand(['--partitions', '4'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('--partitions is for a run with --cluster'),
    });
    expect(await runCommand(['--help'], { command: 'package' })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('rollback'),
    });
  });
});
