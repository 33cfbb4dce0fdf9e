/**
 * Runs every query of the Grafana dashboard on a real Prometheus that watches three real instances of the catalog under
 * load. A query that is refused, or has no data where it should, fails the check, and so does an alert that fires in health.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadGenerator } from '../examples/catalog/src/demo/load-generator.ts';
import { dashboardQueries, filledIn } from './dashboard/dashboard.ts';
import { Prometheus } from './observability/prometheus.ts';
import { type Shop, startShop } from './observability/shop.ts';
import { runCommand } from './servers/index.ts';

/** Long enough for a rate over several scrapes. */
const LOAD_SECONDS = 25;
const REQUESTS_PER_SECOND = 60;
const RATE_INTERVAL = '12s';

async function checkQueries(prometheus: Prometheus, hasRedis: boolean): Promise<number> {
  let failures = 0;
  for (const { section, panel, expr, legend, emptyInHealth } of dashboardQueries()) {
    const place = `${section} / ${panel} / ${legend}`;
    if (!hasRedis && expr.includes('redis_')) {
      console.log(`skipped ${place}: no redis_exporter on this machine`);
      continue;
    }
    try {
      const series = await prometheus.range(filledIn(expr, RATE_INTERVAL), LOAD_SECONDS - 10);
      const points = series.flatMap(({ values }) => values).filter(([, value]) => value !== 'NaN');
      const isFine = points.length > 0 || emptyInHealth !== undefined;
      const what =
        points.length > 0 ? `${series.length} series, last ${points.at(-1)?.[1]}` : `no data: ${emptyInHealth ?? '?'}`;
      console.log(`${isFine ? 'ok     ' : 'FAILED '} ${place}: ${what}`);
      failures += isFine ? 0 : 1;
    } catch (error) {
      console.log(`FAILED  ${place}: ${(error as Error).message}\n        ${expr}`);
      failures += 1;
    }
  }
  return failures;
}

async function checkAlerts(prometheus: Prometheus): Promise<number> {
  const wrong = (await prometheus.alerts()).filter(({ state, health }) => state === 'firing' || health !== 'ok');
  for (const { name, state, health, lastError } of wrong) {
    console.log(`FAILED  alert ${name}: ${state}, ${health} ${lastError ?? ''}`);
  }
  return wrong.length;
}

async function underLoad(shop: Shop, seconds: number): Promise<void> {
  const stop = new AbortController();
  const load = new LoadGenerator({ instances: shop.instances, maxPerSecond: REQUESTS_PER_SECOND }, 1, stop.signal);
  await load.run(seconds);
  load.close();
  const { failed, firstFailure } = load.measurements;
  if (failed > 0) throw new Error(`${failed} requests failed, the first with ${firstFailure}`);
}

await runCommand(async () => {
  // Nobody takes the traces here.
  const shop = await startShop({ OTEL_TRACES_EXPORTER: 'none' });
  try {
    const prometheus = await Prometheus.start({
      catalog: shop.instances.map(({ metricsAddress }) => metricsAddress),
      ...(shop.redisMetricsAddress !== undefined && { redis: [shop.redisMetricsAddress] }),
    });
    try {
      await underLoad(shop, LOAD_SECONDS);
      await sleep(3500);
      const failures =
        (await checkQueries(prometheus, shop.redisMetricsAddress !== undefined)) + (await checkAlerts(prometheus));
      console.log(failures === 0 ? 'Every query of the dashboard has data.' : `${failures} failures`);
      return failures === 0 ? 0 : 1;
    } finally {
      await prometheus.stop();
    }
  } finally {
    await shop.stop();
  }
});
