import type { PanelSpec } from '../dashboard/panels.ts';
import { rect, round, text, widthOf } from './svg.ts';
import { formatValue } from './units.ts';

/** One line of a panel. */
export interface Line {
  readonly name: string;
  /** A value a moment, `NaN` where there is none. */
  readonly values: readonly number[];
}

/** Where a panel stands. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const COLOURS = [
  '#5794f2',
  '#56a64b',
  '#e0b400',
  '#e02f44',
  '#8f3bb8',
  '#ff780a',
  '#37872d',
  '#1f60c4',
  '#b877d9',
  '#7c2ea3',
  '#ad0317',
];
const GREY = '#6b7280';
const INK = '#1f2937';
const LEGEND_LINE = 13;
const STATE_COLOURS: Readonly<Record<string, string>> = { green: '#73bf69', orange: '#ff9830', red: '#e02f44' };

/** A panel with what its queries answered. */
export function drawPanel(spec: PanelSpec, lines: readonly Line[], box: Box): string[] {
  const { x, y, width, height } = box;
  const frame = rect(x, y, width, height, '#fafafa', ' stroke="#e5e7eb" rx="3"');
  const title = text(x + 8, y + 16, spec.title, { size: 11, fill: INK, weight: 'bold' });
  const inner = { x: x + 8, y: y + 24, width: width - 16, height: height - 30 };
  switch (spec.kind) {
    case 'stat':
      return [frame, title, drawStat(spec, lines, inner)];
    case 'state-timeline':
      return [frame, title, ...drawStates(spec, lines, inner)];
    case 'timeseries':
      return [frame, title, ...drawLines(spec, lines, inner)];
  }
}

function drawStat({ unit, thresholds = [] }: PanelSpec, [line]: readonly Line[], box: Box): string {
  const value = line?.values.findLast((each) => !Number.isNaN(each)) ?? Number.NaN;
  const colour = thresholds.findLast((threshold) => value >= (threshold.value ?? 0))?.color ?? 'green';
  const shown = Number.isNaN(value) ? 'no data' : formatValue(value, unit);
  const style = { size: 26, fill: STATE_COLOURS[colour] ?? INK, weight: 'bold', anchor: 'middle' } as const;
  return text(box.x + box.width / 2, box.y + box.height / 2 + 8, shown, style);
}

function drawStates({ states = [] }: PanelSpec, lines: readonly Line[], box: Box): string[] {
  const left = 150;
  const rowHeight = (box.height - LEGEND_LINE) / Math.max(1, lines.length);
  const parts: string[] = [];
  for (const [row, { name, values }] of lines.entries()) {
    const top = box.y + row * rowHeight;
    parts.push(text(box.x, top + rowHeight / 2 + 3, name, { size: 10, fill: GREY }));
    const step = (box.width - left) / values.length;
    for (let from = 0; from < values.length; ) {
      let to = from + 1;
      while (to < values.length && values[to] === values[from]) to += 1;
      const state = states.find(({ value }) => value === values[from]);
      const fill = STATE_COLOURS[state?.color ?? ''] ?? '#e5e7eb';
      parts.push(rect(box.x + left + from * step, top + 2, (to - from) * step, rowHeight - 4, fill));
      from = to;
    }
  }
  let x = box.x + left;
  for (const { text: name, color } of states) {
    parts.push(rect(x, box.y + box.height - 8, 8, 8, STATE_COLOURS[color] ?? GREY));
    parts.push(text(x + 12, box.y + box.height, name, { size: 9, fill: GREY }));
    x += widthOf(name, 9) + 30;
  }
  return parts;
}

function drawLines(spec: PanelSpec, lines: readonly Line[], box: Box): string[] {
  const { unit, isStacked } = spec;
  const legend = drawLegend(spec, lines, box);
  const plot = { x: box.x + 48, y: box.y, width: box.width - 48, height: box.height - legend.height - 6 };
  const stacked = isStacked ? stack(lines) : lines.map(({ values }) => values);
  const highest = Math.max(0, ...stacked.flat().filter((value) => !Number.isNaN(value)));
  const top = spec.max ?? (highest === 0 ? 1 : highest * 1.1);
  const parts: string[] = [];
  for (const share of [0, 0.5, 1]) {
    const y = plot.y + plot.height * (1 - share);
    parts.push(`<path d="M${round(plot.x)} ${round(y)}h${round(plot.width)}" stroke="#e5e7eb"/>`);
    parts.push(text(plot.x - 4, y + 3, formatValue(top * share, unit), { size: 8, fill: GREY, anchor: 'end' }));
  }
  // What is stacked covers what is below it, so the highest comes first.
  const drawn = [...stacked.entries()];
  for (const [index, values] of isStacked ? drawn.reverse() : drawn) {
    const colour = COLOURS[index % COLOURS.length] ?? INK;
    if (isStacked) parts.push(`<path d="${areaOf(values, top, plot)}" fill="${colour}"/>`);
    else parts.push(`<path d="${pathOf(values, top, plot)}" fill="none" stroke="${colour}" stroke-width="1.3"/>`);
  }
  return [...parts, ...legend.parts];
}

function stack(lines: readonly Line[]): number[][] {
  const sums: number[] = [];
  return lines.map(({ values }) =>
    values.map((value, index) => {
      sums[index] = (sums[index] ?? 0) + (Number.isNaN(value) ? 0 : value);
      return sums[index];
    }),
  );
}

/** Moves where a value is missing before, draws where it is there; what lies within a level stretch is left out. */
function pathOf(values: readonly number[], top: number, plot: Box): string {
  const step = plot.width / Math.max(1, values.length - 1);
  let isDown = false;
  return values
    .map((value, index) => {
      if (Number.isNaN(value)) {
        isDown = false;
        return '';
      }
      if (isDown && value === values[index - 1] && value === values[index + 1]) return '';
      const y = plot.y + plot.height * (1 - Math.min(1, value / top));
      const command = `${isDown ? 'L' : 'M'}${round(plot.x + index * step)} ${round(y)}`;
      isDown = true;
      return command;
    })
    .join('');
}

/** From the line down to the bottom; a stack has no holes. */
function areaOf(values: readonly number[], top: number, plot: Box): string {
  const bottom = round(plot.y + plot.height);
  return `${pathOf(values, top, plot)}L${round(plot.x + plot.width)} ${bottom}L${round(plot.x)} ${bottom}Z`;
}

function drawLegend({ unit }: PanelSpec, lines: readonly Line[], box: Box): { parts: string[]; height: number } {
  const rows: { name: string; colour: string; x: number }[][] = [[]];
  let x = 0;
  for (const [index, { name, values }] of lines.entries()) {
    const last = values.findLast((value) => !Number.isNaN(value));
    const label = last === undefined ? name : `${name} ${formatValue(last, unit)}`;
    const width = widthOf(label, 9) + 22;
    if (x + width > box.width && x > 0) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)?.push({ name: label, colour: COLOURS[index % COLOURS.length] ?? INK, x });
    x += width;
  }
  const height = rows.length * LEGEND_LINE;
  const parts = rows.flatMap((row, index) => {
    const y = box.y + box.height - height + (index + 1) * LEGEND_LINE;
    return row.flatMap((entry) => [
      rect(box.x + entry.x, y - 7, 8, 8, entry.colour),
      text(box.x + entry.x + 11, y, entry.name, { size: 9, fill: GREY }),
    ]);
  });
  return { parts, height };
}
