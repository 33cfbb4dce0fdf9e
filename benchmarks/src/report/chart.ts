import { formatFigure } from '../figures.ts';
import type { Group, Result, ScenarioResult } from '../result.ts';

const WIDTH = 760;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 90;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 24;
const CAPTION_HEIGHT = 34;
const TITLE_HEIGHT = 34;
const MARGIN = 14;

/** From this ratio of the longest bar to the shortest on, lengths are by order of magnitude: the short ones would vanish. */
const LOG_FROM_RATIO = 2_000;

/** Colours that hold at least 3:1 against white and against the dark grey of common dark themes; text at least 4.5:1. */
const STYLE = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .caption { font-weight: 600; }
    .own text, text.own { font-weight: 600; }
    .quiet { fill: #59636e; }
    .bar { fill: #8c959f; }
    .own .bar { fill: #0969da; }
    .spread { stroke: #1f2328; stroke-width: 1.5; }
    .axis { stroke: #59636e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .bar { fill: #7d8590; }
      .own .bar { fill: #4493f8; }
      .spread { stroke: #e6edf3; }
      .axis { stroke: #9198a1; }
    }`;

/** One picture of a scenario: a panel a group, a bar a subject, the best on top, a line from the slowest to the fastest round. */
export function drawChart({ title, groups }: ScenarioResult): string {
  const panels: string[] = [];
  let y = MARGIN + TITLE_HEIGHT;
  for (const group of groups) {
    panels.push(drawPanel(group, y));
    y += CAPTION_HEIGHT + group.results.length * ROW_HEIGHT;
  }
  const height = y + MARGIN;
  const heading = `<text class="title" x="${MARGIN}" y="${MARGIN + 16}">${escapeText(title)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `  <title>${escapeText(title)}</title>`,
    `  <desc>${escapeText(groups.map(describe).join(' '))}</desc>`,
    `  <style>${STYLE}\n  </style>`,
    `  ${heading}`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function drawPanel(group: Group, top: number): string {
  const scale = scaleOf(group);
  const better = `${group.better} is better${scale.isLog ? '; lengths by order of magnitude' : ''}`;
  const caption =
    `  <text class="caption" x="${MARGIN}" y="${top + 20}">${escapeText(group.name)}` +
    `<tspan class="quiet" dx="8" font-weight="400">${better}</tspan></text>`;
  const rows = best(group).map((result, index) =>
    drawRow(result, group, top + CAPTION_HEIGHT + index * ROW_HEIGHT, scale.lengthOf),
  );
  const bottom = top + CAPTION_HEIGHT + group.results.length * ROW_HEIGHT - 4;
  const axis = `  <line class="axis" x1="${LABEL_WIDTH}" x2="${LABEL_WIDTH}" y1="${top + CAPTION_HEIGHT - 4}" y2="${bottom}"/>`;
  return [caption, ...rows, axis].join('\n');
}

function drawRow(result: Result, { unit }: Group, y: number, lengthOf: (value: number) => number): string {
  const { subject, median, lowest, highest } = result;
  const baseline = y + BAR_HEIGHT - 4;
  const middle = y + BAR_HEIGHT / 2;
  const [from, to] = [lowest, highest].map((value) => at(LABEL_WIDTH + lengthOf(value)));
  const valueAt = at(LABEL_WIDTH + Math.max(lengthOf(median), lengthOf(highest)) + 8);
  return [
    `  <g${isOwn(subject) ? ' class="own"' : ''}>`,
    `    <text x="${LABEL_WIDTH - 10}" y="${baseline}" text-anchor="end">${escapeText(subject)}</text>`,
    `    <rect class="bar" x="${LABEL_WIDTH}" y="${y}" width="${at(lengthOf(median))}" height="${BAR_HEIGHT}"/>`,
    `    <line class="spread" x1="${from}" x2="${to}" y1="${middle}" y2="${middle}"/>`,
    `    <text x="${valueAt}" y="${baseline}">${escapeText(formatFigure(median, unit))}</text>`,
    '  </g>',
  ].join('\n');
}

/** Lengths in proportion from zero, or by order of magnitude where the medians lie too far apart for that. */
function scaleOf({ results }: Group): { isLog: boolean; lengthOf: (value: number) => number } {
  const medians = results.map(({ median }) => median).filter((median) => median > 0);
  // A single wild round must not press all bars together; its line ends at the edge.
  const most = Math.max(...medians) * 1.15;
  const least = Math.min(...medians);
  const isLog = most / least >= LOG_FROM_RATIO;
  const start = least / 10;
  const share = (value: number): number =>
    isLog ? Math.log(Math.max(value, start) / start) / Math.log(most / start) : value / most;
  return { isLog, lengthOf: (value) => BAR_WIDTH * Math.min(1, Math.max(0, share(value))) };
}

function best({ results, better }: Group): Result[] {
  return results.toSorted((a, b) => (better === 'more' ? b.median - a.median : a.median - b.median));
}

function describe(group: Group): string {
  const figures = best(group).map(({ subject, median }) => `${subject} ${formatFigure(median, group.unit)}`);
  return `${group.name}: ${figures.join(', ')}.`;
}

function isOwn(subject: string): boolean {
  return subject.startsWith('tierwise');
}

function at(position: number): string {
  return position.toFixed(1);
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
