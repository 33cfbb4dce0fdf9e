/**
 * Draws the Grafana dashboard as an SVG from what a real Prometheus answers to its queries, after a run of the catalog
 * in which Redis is away for a while: `npm run draw:dashboard -- docs/images/dashboard.svg`.
 */
import { writeFileSync } from 'node:fs';
import { LoadGenerator } from '../examples/catalog/src/demo/load-generator.ts';
import { createDashboard, filledIn } from './dashboard/dashboard.ts';
import type { PanelSpec } from './dashboard/panels.ts';
import { SECTIONS } from './dashboard/sections.ts';
import { Prometheus, type Series } from './observability/prometheus.ts';
import { type Shop, startShop } from './observability/shop.ts';
import { drawPanel, type Line } from './pictures/chart.ts';
import { picture, text } from './pictures/svg.ts';
import { runCommand } from './servers/index.ts';

const BEFORE_SECONDS = 35;
/** Long enough for alerts that want 30 s. */
const OUTAGE_SECONDS = 45;
const AFTER_SECONDS = 40;
const SHOWN_SECONDS = 110;
const STEP_SECONDS = 1;
const REQUESTS_PER_SECOND = 60;
const RATE_INTERVAL = '12s';

const COLUMN = 50;
const UNIT = 21;
const HEAD = 44;

/** A family of series as lines of one length, with names as the legend wants them. */
function toLines(series: readonly Series[], legend: string, startSeconds: number): Line[] {
  const moments = SHOWN_SECONDS / STEP_SECONDS + 1;
  const lines = series.map(({ metric, values }) => {
    const line = new Array<number>(moments).fill(Number.NaN);
    for (const [atSeconds, value] of values)
      line[Math.round((atSeconds - startSeconds) / STEP_SECONDS)] = Number(value);
    return {
      name: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => shortened(metric[label] ?? '')),
      values: line,
    };
  });
  return lines.sort((a, b) => a.name.localeCompare(b.name));
}

/** Lines that show nothing at all would only fill the legend. */
function worthDrawing({ kind }: PanelSpec, lines: readonly Line[]): readonly Line[] {
  if (kind !== 'timeseries') return lines;
  const some = lines.filter(({ values }) => values.some((value) => value > 0));
  return some.length > 0 ? some : lines.slice(0, 1);
}

let instanceNames: Readonly<Record<string, string>> = {};

function shortened(label: string): string {
  return instanceNames[label] ?? label;
}

async function draw(prometheus: Prometheus, endSeconds: number): Promise<string> {
  const panels = createDashboard().panels ?? [];
  const specs = SECTIONS.flatMap((section) => section.panels).values();
  const parts = [
    text(12, 20, 'tierwise', { size: 16, fill: '#1f2937', weight: 'bold' }),
    text(
      12,
      36,
      `Redis is away from ${BEFORE_SECONDS} to ${BEFORE_SECONDS + OUTAGE_SECONDS} s. Drawn from what Prometheus answered to the queries of the Grafana dashboard.`,
      {
        size: 11,
        fill: '#6b7280',
      },
    ),
  ];
  let bottom = 0;
  for (const panel of panels) {
    const { x = 0, y = 0, w = 0, h = 0 } = panel.gridPos ?? {};
    const place = { x: x * COLUMN + 3, y: HEAD + y * UNIT + 3, width: w * COLUMN - 6, height: h * UNIT - 6 };
    bottom = Math.max(bottom, place.y + place.height + 6);
    // Panels come in the order of their sections, with a row before each of these.
    const spec = panel.type === 'row' ? undefined : specs.next().value;
    if (spec === undefined) {
      parts.push(text(12, place.y + 13, panel.title ?? '', { size: 13, fill: '#1f2937', weight: 'bold' }));
      continue;
    }
    const lines: Line[] = [];
    for (const { expr, legend } of spec.queries) {
      const series = await prometheus.range(filledIn(expr, RATE_INTERVAL), SHOWN_SECONDS, {
        endSeconds,
        stepSeconds: STEP_SECONDS,
      });
      lines.push(...toLines(series, legend, endSeconds - SHOWN_SECONDS));
    }
    parts.push(...drawPanel(spec, worthDrawing(spec, lines), place));
  }
  return picture(24 * COLUMN, Math.ceil(bottom), 'The Grafana dashboard of tierwise', parts);
}

/** Load on the shop; tells which alerts fire while Redis is away. */
async function liveThroughAnOutage(shop: Shop, prometheus: Prometheus): Promise<void> {
  const stop = new AbortController();
  const load = new LoadGenerator({ instances: shop.instances, maxPerSecond: REQUESTS_PER_SECOND }, 1, stop.signal);
  await load.run(BEFORE_SECONDS);
  await shop.redis.kill();
  await load.run(OUTAGE_SECONDS);
  console.log(`firing in the outage: ${await firing(prometheus)}`);
  await shop.redis.restart();
  await load.run(AFTER_SECONDS);
  console.log(`firing afterwards: ${await firing(prometheus)}`);
  const { failed, changes } = load.measurements;
  const oldestStaleMs = Math.max(...load.measurements.instances.map((instance) => instance.oldestStaleMs));
  console.log(
    `requests that failed: ${failed}; changes undelivered at first: ${changes.undelivered}; oldest stale answer: ${oldestStaleMs} ms`,
  );
  load.close();
}

async function firing(prometheus: Prometheus): Promise<string> {
  const alerts = (await prometheus.alerts()).filter(({ state }) => state === 'firing');
  return alerts.map(({ name }) => name).join(', ') || 'none';
}

await runCommand(async () => {
  const target = process.argv[2] ?? 'dashboard.svg';
  const shop = await startShop({ OTEL_TRACES_EXPORTER: 'none' });
  try {
    instanceNames = Object.fromEntries(shop.instances.map(({ name, metricsAddress }) => [metricsAddress, name]));
    const prometheus = await Prometheus.start({
      catalog: shop.instances.map(({ metricsAddress }) => metricsAddress),
      ...(shop.redisMetricsAddress !== undefined && { redis: [shop.redisMetricsAddress] }),
    });
    try {
      await liveThroughAnOutage(shop, prometheus);
      writeFileSync(target, await draw(prometheus, Math.floor(Date.now() / 1000)));
      console.log(`Wrote ${target}.`);
    } finally {
      await prometheus.stop();
    }
  } finally {
    await shop.stop();
  }
  return 0;
});
