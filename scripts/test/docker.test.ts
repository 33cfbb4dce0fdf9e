import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DURATIONS, FIGURES } from 'tierwise/telemetry';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboardQueries } from '../dashboard/dashboard.ts';
import { readCatalogEnvironments } from '../observability/shop.ts';
import { headingsOf, readDocument } from './markdown.ts';

interface Service {
  readonly image: string;
  readonly restart?: string;
  readonly healthcheck?: { readonly test?: unknown; readonly disable?: boolean };
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
}

function services(file: string): [name: string, service: Service][] {
  const { services } = parse(readDocument(`docker/${file}`), { merge: true }) as { services: Record<string, Service> };
  return Object.entries(services);
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

function rules(): Rule[] {
  const { groups } = parse(readDocument('docker/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

/** What OpenTelemetry's Prometheus exporter for Node makes of our names. */
function exportedNames(): Set<string> {
  const gauges = [
    'loadsRunning',
    'memoryEntries',
    'memorySize',
    'invalidationsJournaled',
    'proofAge',
    'stalenessBound',
    'state',
  ];
  const flat = (name: string): string => name.replaceAll('.', '_');
  const figures = Object.entries(FIGURES).map(([key, name]) => flat(name) + (gauges.includes(key) ? '' : '_total'));
  const durations = Object.values(DURATIONS).flatMap((name) => [`${flat(name)}_bucket`, `${flat(name)}_count`]);
  return new Set([...figures, ...durations]);
}

function unknownMetrics(expr: string): string[] {
  const known = exportedNames();
  return [...expr.matchAll(/\btierwise_\w+/g)].map(([name]) => name).filter((name) => !known.has(name));
}

describe.each(['compose.yaml', 'compose.cluster.yaml'])('docker/%s', (file) => {
  test.each(services(file))('%s has a health check, comes back, and has a version', (_name, service) => {
    expect(service.healthcheck?.test).toBeDefined();
    expect(service.healthcheck?.disable).toBeUndefined();
    expect(service.restart).toBe('unless-stopped');
    expect(service.image).toMatch(/^tierwise-catalog$|^[\w./-]+:v?\d+\.\d+\.\d+(-alpine)?$/);
  });

  test('nothing is offered beyond this machine', () => {
    const ports = services(file).flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  test('every file that is mounted is there', () => {
    const mounted = services(file)
      .flatMap(([, { volumes = [] }]) => volumes)
      .flatMap((volume) => (volume.startsWith('./') ? [volume.split(':')[0]?.slice(2) ?? ''] : []));
    expect(mounted.length).toBeGreaterThan(0);
    for (const path of mounted) expect(() => readdirOrFile(`docker/${path}`), path).not.toThrow();
  });
});

function readdirOrFile(path: string): void {
  const full = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  try {
    readFileSync(full);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    readdirSync(full);
  }
}

test('the catalog reads every variable that its containers are given', () => {
  // Read by OpenTelemetry's own resource detector.
  const readElsewhere = ['OTEL_SERVICE_NAME', 'OTEL_RESOURCE_ATTRIBUTES'];
  const sources = ['server.ts', 'telemetry/settings.ts']
    .map((file) => readDocument(`examples/catalog/src/${file}`))
    .join('');
  const environments = Object.values(readCatalogEnvironments());
  expect(environments).toHaveLength(3);
  for (const environment of environments) {
    const unread = Object.keys(environment).filter((name) => !sources.includes(`env['${name}']`));
    expect(unread.filter((name) => !readElsewhere.includes(name))).toEqual([]);
  }
});

describe('alerts', () => {
  test('use names that are exported', () => {
    expect(rules().flatMap(({ expr }) => unknownMetrics(expr))).toEqual([]);
  });

  test('are each tested to fire', () => {
    const tests = readDocument('docker/prometheus/alerts.test.yml');
    expect(rules().length).toBeGreaterThan(10);
    for (const { alert } of rules()) {
      const cases = tests.split(`alertname: ${alert}\n`).slice(1);
      expect(
        cases.some((text) => /^\s+eval_time: \w+\n\s+exp_alerts:\n/.test(text)),
        `${alert} fires`,
      ).toBe(true);
      expect(cases.length, alert).toBeGreaterThan(0);
    }
  });

  test('are each explained in docs/guides/alerts.md, in the same order', () => {
    const explained = headingsOf(readDocument('docs/guides/alerts.md')).map(({ text }) => text.replaceAll('`', ''));
    const alerts = rules().map(({ alert }) => alert);
    expect(explained.filter((text) => alerts.includes(text))).toEqual(alerts);
  });
});

describe('the dashboard', () => {
  test('uses names that are exported', () => {
    expect(dashboardQueries().flatMap(({ expr }) => unknownMetrics(expr))).toEqual([]);
  });

  test('shows every metric there is', () => {
    const shown = dashboardQueries()
      .map(({ expr }) => expr)
      .join('\n');
    // A listener that throws is no matter of the cache's health; there is an alert for it.
    const elsewhere = new Set(['tierwise_internal_errors_total']);
    const counts = [...exportedNames()].filter((name) => !name.endsWith('_count') && !elsewhere.has(name));
    expect(counts.filter((name) => !shown.includes(name))).toEqual([]);
  });
});
