import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { findFreePort } from '../../../scripts/servers/index.ts';
import { OtlpReceiver } from './otlp-receiver.ts';

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url));
const TIMEOUT_MS = 120_000;

describe('one instance by itself', () => {
  let dir: string;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tierwise-catalog-test-'));
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });

  it('is set up by its environment, offers figures and sends traces', { timeout: TIMEOUT_MS }, async () => {
    await using receiver = await OtlpReceiver.start();
    const [port, metricsPort] = [await findFreePort(), await findFreePort()];
    const cacheName = `server-test-${process.pid}-${Date.now()}`;
    child = spawn(process.execPath, ['--conditions=@tierwise/source', SERVER], {
      stdio: 'ignore',
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        DATABASE_FILE: join(dir, 'shop.db'),
        REDIS_URL: inject('redisUrl'),
        CACHE_NAME: cacheName,
        PORT: String(port),
        OTEL_SERVICE_NAME: 'shop-front',
        OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=seven',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      },
    });
    const ended = once(child, 'exit');
    const read = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    await vi.waitFor(async () => expect(await read('/products/1')).toBe(200), { timeout: 60_000, interval: 100 });

    const metrics = await (await fetch(`http://localhost:${metricsPort}/metrics`)).text();
    const requests = new RegExp(
      `^tierwise_requests_total\\{cache_name="${cacheName}",cache_layer="l1",cache_result="miss"\\} [1-9]`,
      'm',
    );
    expect(metrics).toMatch(requests);
    expect(metrics).toMatch(/^target_info\{.*service_name="shop-front".*\} 1$/m);
    expect(metrics).toMatch(/^target_info\{.*service_instance_id="seven".*\} 1$/m);
    expect(metrics).not.toContain('otel_scope');

    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    const request = receiver.spans.find(({ name }) => name === 'GET /products/:id');
    expect(request?.resource).toMatchObject({ 'service.name': 'shop-front', 'service.instance.id': 'seven' });
    expect(receiver.spans.some(({ parentSpanId }) => parentSpanId === request?.spanId)).toBe(true);
  });
});
