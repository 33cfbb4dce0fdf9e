import { breaches, layerTitle, type PlotPoint, type RunReport, violationCount } from './report.ts';
import { describeEvent } from './report-text.ts';

const WIDTH = 1_000;
const HEIGHT = 260;
const LEFT = 56;
const BOTTOM = 28;
const TOP = 16;
const COLORS = ['#2563eb', '#d97706', '#059669', '#9333ea', '#dc2626', '#0891b2', '#65a30d', '#db2777'];

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1040px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line) }
.good { color: #059669 } .bad { color: #dc2626; font-weight: 600 }
svg { width: 100%; height: auto; background: var(--soft); border-radius: 6px } svg text { font-size: 11px; fill: currentColor }
pre { overflow-x: auto; font-size: 12px; background: var(--soft); padding: .8rem; border-radius: 6px }
`;

/** The report as one page that needs nothing else. */
export function htmlReport(reports: readonly RunReport[]): string {
  const isGood = reports.every(({ ok }) => ok);
  const isBroken = reports.some((report) => breaches(report) > 0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>tierwise: consistency run</title><style>${STYLE}</style></head><body>
<h1>tierwise: consistency run <span class="${isGood ? 'good' : 'bad'}">${isGood ? 'every promise was kept' : isBroken ? 'BROKEN' : 'NOT SHOWN'}</span></h1>
<p>Each point is a read that returned a value from before an invalidation that had already been delivered when the read began; its height is the time since that delivery. No point may lie above the line Δ. Faults are shaded.</p>
${reports.map(sectionOf).join('\n')}
</body></html>
`;
}

function sectionOf(report: RunReport): string {
  const { counters, staleness, violations, propagation } = report;
  const rows: [string, string, boolean?][] = [
    ['Reads', `${counters.reads}, of them stale ${staleness.count}`],
    [
      'Writes',
      `${counters.writes}: ${report.sets} sets, ${report.invalidations} invalidations; ${report.undelivered} journaled`,
    ],
    [layerTitle(report.store), `${counters.sharedHits} reads answered, ${counters.sharedStored} entries stored`],
    [
      'Staleness of stale reads',
      `p50 ${ms(staleness.p50)}, p99 ${ms(staleness.p99)}, max ${ms(staleness.max)}; Δ is ${ms(report.leaseMs)}`,
    ],
    [
      'Violations',
      Object.entries(violations)
        .map(([rule, count]) => `${rule} ${count}`)
        .join(', '),
      violationCount(report) > 0,
    ],
    ['Stuck keys', String(report.stuckKeys.length), report.stuckKeys.length > 0],
    [
      'Hung, failed, crashed',
      `${counters.hung}, ${counters.failed}, ${report.crashes.length}`,
      counters.hung + counters.failed + report.crashes.length > 0,
    ],
    ['Longest read', ms(counters.maxReadMs)],
    [
      'Propagation',
      `p50 ${ms(propagation.fromCall.p50)}, p99 ${ms(propagation.fromCall.p99)} from the call; p50 ${ms(propagation.fromDelivery.p50)}, p99 ${ms(propagation.fromDelivery.p99)} from delivery (${propagation.fromCall.count} samples)`,
    ],
    [
      'Faults',
      report.faultsDone
        .map(({ fault, fromMs, detail }) => `${seconds(fromMs)} ${fault}${detail === '' ? '' : ` (${detail})`}`)
        .join('; ') || 'none',
    ],
  ];
  const table = rows.map(
    ([name, value, isBad]) =>
      `<tr><th>${name}</th><td${isBad === true ? ' class="bad"' : ''}>${escaped(value)}</td></tr>`,
  );
  return `<h2>${escaped(report.name)}: ${report.instances} instances, ${report.keys} keys, Δ ${ms(report.leaseMs)}, seed ${report.seed}</h2>
${plot(report)}
<table>${table.join('')}</table>
${examples(report)}`;
}

function plot(report: RunReport): string {
  const tallest = Math.max(report.leaseMs * 1.15, ...report.plot.map(([, stalenessMs]) => stalenessMs));
  const longest = Math.max(
    report.loadMs,
    ...report.plot.map(([atMs]) => atMs),
    ...report.faultsDone.map(({ toMs }) => toMs),
  );
  const x = (atMs: number): string => (LEFT + (atMs / longest) * (WIDTH - LEFT - 10)).toFixed(1);
  const y = (valueMs: number): string => (TOP + (1 - valueMs / tallest) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const color = colors(report.plot);
  const shades = report.faultsDone.map(({ fault, fromMs, toMs, detail }) => {
    const width = Math.max(1.5, Number(x(toMs)) - Number(x(fromMs))).toFixed(1);
    return `<rect x="${x(fromMs)}" y="${TOP}" width="${width}" height="${HEIGHT - TOP - BOTTOM}" fill="#f59e0b" opacity=".18"><title>${escaped(`${fault} ${detail}`)}</title></rect>`;
  });
  const points = report.plot.map(
    ([atMs, stalenessMs, instance]) =>
      `<circle cx="${x(atMs)}" cy="${y(stalenessMs)}" r="2" fill="${color(instance)}"/>`,
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text x="${x(share * longest)}" y="${HEIGHT - 8}" text-anchor="middle">${seconds(share * longest)}</text>`,
  );
  const levels = [0, report.leaseMs / 2].map(
    (level) => `<text x="${LEFT - 6}" y="${Number(y(level)) + 4}" text-anchor="end">${ms(level)}</text>`,
  );
  const limit = `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(report.leaseMs)}" y2="${y(report.leaseMs)}" stroke="#dc2626" stroke-dasharray="6 4"/><text x="${LEFT - 6}" y="${Number(y(report.leaseMs)) + 4}" text-anchor="end">Δ ${ms(report.leaseMs)}</text>`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="staleness over time">${shades.join('')}${limit}${levels.join('')}${ticks.join('')}${points.join('')}</svg>`;
}

function colors(points: readonly PlotPoint[]): (instance: string) => string {
  const places = [...new Set(points.map(([, , instance]) => instance.split('.')[0]))].sort();
  return (instance) => COLORS[places.indexOf(instance.split('.')[0]) % COLORS.length] as string;
}

function examples(report: RunReport): string {
  const found = report.examples.map(
    ({ rule, instance, key, message, history }) =>
      `<h3 class="bad">${escaped(`${rule}: ${instance} on ${key} ${message}`)}</h3><pre>${escaped(history.map(describeEvent).join('\n'))}</pre>`,
  );
  const told = [...report.omissions, ...report.crashes, ...report.complaints];
  return (told.length > 0 ? `<pre>${escaped(told.join('\n'))}</pre>` : '') + found.join('');
}

function ms(value: number): string {
  return `${Math.round(value * 10) / 10} ms`;
}

function seconds(valueMs: number): string {
  return `${(valueMs / 1_000).toFixed(1)} s`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
