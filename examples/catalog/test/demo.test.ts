import { afterEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../scripts/servers/index.ts';
import type { Summary } from '../src/demo/summary.ts';
import { DemoProcess } from './demo-process.ts';
import { expectTourReceived } from './demo-traces.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { expectSaneSummary } from './summary.ts';

const TIMEOUT_MS = 120_000;

describe('npm run demo -- --embedded', () => {
  let demo: DemoProcess | undefined;
  afterEach(() => demo?.dispose());

  it('prints only the summary with --json', { timeout: TIMEOUT_MS }, async () => {
    demo = new DemoProcess(['--embedded', '--seconds', '3', '--json']);
    const { code, stdout, stderr } = await demo.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expectSaneSummary(JSON.parse(stdout));
    expect(demo.temporaryFiles()).toEqual([]);
  });

  it('sends traces of three instances with --traces', { timeout: TIMEOUT_MS }, async () => {
    await using receiver = await OtlpReceiver.start();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/` };
    demo = new DemoProcess(['--embedded', '--seconds', '3', '--traces', '--json'], env);
    const { code, stdout, stderr } = await demo.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expectTourReceived(receiver, JSON.parse(stdout) as Summary, 'in-process');
  });

  it('runs without traces, and says why, when nobody takes them', { timeout: TIMEOUT_MS }, async () => {
    const endpoint = `http://127.0.0.1:${await findFreePort()}`;
    demo = new DemoProcess(['--embedded', '--seconds', '3', '--traces', '--json'], {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    });
    const { code, stdout, stderr } = await demo.end();
    expect(code).toBe(0);
    expect(stderr).toMatch(`No traces: nobody listens at ${endpoint}. `);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expectSaneSummary(JSON.parse(stdout));
  });

  it('ends at once on SIGINT and leaves no file', { timeout: TIMEOUT_MS }, async () => {
    demo = new DemoProcess(['--embedded', '--seconds', '60']);
    await demo.untilUnderWay();
    demo.kill('SIGINT');
    const { code, stderr } = await demo.end();
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(demo.temporaryFiles()).toEqual([]);
  });

  it('refuses a wrong option with one sentence and exit code 2', { timeout: TIMEOUT_MS }, async () => {
    demo = new DemoProcess(['--seconds', 'soon']);
    expect(await demo.end()).toMatchObject({
      code: 2,
      stdout: '',
      stderr: "--seconds takes a whole number from 1 to 3600, not 'soon'. See npm run demo -- --help\n",
    });
  });

  it('explains itself with --help', { timeout: TIMEOUT_MS }, async () => {
    demo = new DemoProcess(['--help']);
    const { code, stdout } = await demo.end();
    expect(code).toBe(0);
    for (const option of ['--seconds', '--embedded', '--json', '--seed', '--traces']) expect(stdout).toContain(option);
  });
});
