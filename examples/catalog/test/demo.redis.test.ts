import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import type { Summary } from '../src/demo/summary.ts';
import { DemoProcess, isRunning } from './demo-process.ts';
import { expectTourReceived } from './demo-traces.ts';
import { OtlpReceiver } from './otlp-receiver.ts';
import { expectSaneSummary } from './summary.ts';

/** The demo is to find or start its own Redis here, and to be seen stopping it. */
const OWN_REDIS = { REDIS_URL: '' };

const TIMEOUT_MS = 120_000;

function connect(url: string): Redis & AsyncDisposable {
  const client = new Redis(url);
  return Object.assign(client, { [Symbol.asyncDispose]: async () => client.disconnect() });
}

describe('npm run demo', () => {
  let demo: DemoProcess | undefined;
  afterEach(() => demo?.dispose());

  it('runs three processes on Redis and sums up in plain lines', { timeout: TIMEOUT_MS }, async () => {
    demo = new DemoProcess(['--seconds', '3'], OWN_REDIS);
    await demo.untilUnderWay();
    const started = demo.descendants();
    expect(started.length).toBeGreaterThanOrEqual(3);
    const { code, stdout, stderr } = await demo.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\x1b');
    expect(stdout).toContain('database queries');
    expect(demo.temporaryFiles()).toEqual([]);
    await vi.waitFor(() => expect(started.filter(isRunning)).toEqual([]), { timeout: 60_000 });
  });

  it('prints only the summary with --json, sends traces with --traces, and says where to look', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using receiver = await OtlpReceiver.start();
    const env = { ...OWN_REDIS, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    demo = new DemoProcess(['--seconds', '3', '--traces', '--json'], env);
    const { code, stdout, stderr } = await demo.end();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const summary = JSON.parse(stdout) as Summary;
    expectSaneSummary(summary);
    expectTourReceived(receiver, summary, 'redis');
    expect(summary.traces?.coldRead).toMatch(/^http:\/\/127\.0\.0\.1:16686\/trace\/[0-9a-f]{32}$/);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)('leaves no process and no file after %s', { timeout: TIMEOUT_MS }, async (signal, expectedCode) => {
    demo = new DemoProcess(['--seconds', '60'], OWN_REDIS);
    await demo.untilUnderWay();
    const started = demo.descendants();
    demo.kill(signal);
    const { code, stderr } = await demo.end();
    expect({ code, stderr }).toEqual({ code: expectedCode, stderr: '' });
    await vi.waitFor(
      () => {
        expect(started.filter(isRunning)).toEqual([]);
        expect(demo?.temporaryFiles()).toEqual([]);
      },
      { timeout: 60_000, interval: 50 },
    );
  });

  it('leaves nothing behind in a Redis that it did not start', { timeout: TIMEOUT_MS }, async () => {
    const url = inject('redisUrl');
    await using client = connect(url);
    demo = new DemoProcess(['--seconds', '60'], { REDIS_URL: url });
    await demo.untilUnderWay();
    expect((await client.keys('catalog-demo-*')).length).toBeGreaterThan(3);
    demo.kill('SIGINT');
    expect((await demo.end()).code).toBe(130);
    expect(await client.keys('catalog-demo-*')).toEqual([]);
  });

  it('says so and exits with 1 when an instance dies', { timeout: TIMEOUT_MS }, async () => {
    demo = new DemoProcess(['--seconds', '60'], OWN_REDIS);
    await demo.untilUnderWay();
    for (const pid of demo.instances()) process.kill(pid, 'SIGKILL');
    const { code, stderr } = await demo.end();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Failed: instance [abc] ended by itself \(SIGKILL\)/m);
  });
});
