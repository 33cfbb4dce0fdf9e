import type { JaegerSpan, JaegerTrace } from './jaeger-trace.ts';
import { picture, rect, round, text, widthOf } from './svg.ts';

const WIDTH = 1100;
const LEFT = 420;
const RIGHT = 20;
const ROW = 22;
const HEAD = 58;
const GREY = '#6b7280';
const INK = '#1f2937';
const PLACES = ['#64748b', '#5794f2', '#56a64b', '#ff780a', '#8f3bb8'];

interface PlacedSpan {
  readonly span: JaegerSpan;
  readonly y: number;
}

/** All traces below each other on one axis of time; links between spans as dashed lines. */
export function drawTraces(traces: readonly JaegerTrace[]): string {
  const all = traces.flatMap(({ spans }) => spans);
  const startUs = Math.min(...all.map((span) => span.startUs));
  const endUs = Math.max(...all.map((span) => span.startUs + span.durationUs));
  const xOf = (atUs: number): number => LEFT + ((atUs - startUs) / (endUs - startUs)) * (WIDTH - LEFT - RIGHT);
  const places = [...new Set(all.map(({ place }) => place))];
  const colourOf = (place: string): string => PLACES[places.indexOf(place) % PLACES.length] ?? INK;

  const placed = new Map<string, PlacedSpan>();
  const rows: string[] = [];
  let y = HEAD;
  for (const [index, trace] of traces.entries()) {
    if (index > 0) y += 10;
    rows.push(text(12, y + 12, `trace ${trace.id}`, { size: 9, fill: GREY }));
    y += 18;
    for (const span of trace.spans) {
      placed.set(span.id, { span, y });
      rows.push(...drawSpan(span, y, xOf, colourOf(span.place)));
      y += ROW;
    }
  }
  const links = [...placed.values()].flatMap((from) =>
    from.span.links.flatMap((id) => {
      const to = placed.get(id);
      return to === undefined ? [] : [drawLink(from, to, xOf)];
    }),
  );
  const title = 'Drawn from what Jaeger’s API answered. Dashed: links between spans.';
  return picture(WIDTH, y + 14, 'Traces of tierwise in Jaeger', [
    text(12, 18, title, { size: 11, fill: GREY }),
    ...drawKey(places, colourOf),
    ...drawAxis(startUs, endUs, xOf, y),
    ...links,
    ...rows,
  ]);
}

function drawSpan(span: JaegerSpan, y: number, xOf: (atUs: number) => number, colour: string): string[] {
  const x = xOf(span.startUs);
  const width = Math.max(2, xOf(span.startUs + span.durationUs) - x);
  const name = text(12 + span.depth * 14, y + 14, span.name, { size: 11, fill: INK });
  const note = noteOf(span);
  const isRoomRight = x + width + widthOf(note, 10) + 8 < WIDTH;
  const noteText = isRoomRight
    ? text(x + width + 5, y + 14, note, { size: 10, fill: GREY })
    : text(x - 5, y + 14, note, { size: 10, fill: GREY, anchor: 'end' });
  return [name, rect(x, y + 4, width, ROW - 9, colour, ' rx="2"'), noteText];
}

/** What is worth reading of a span: how long it took, and what came of it. */
function noteOf({ durationUs, tags }: JaegerSpan): string {
  const took = durationUs < 1000 ? `${durationUs} µs` : `${(durationUs / 1000).toFixed(1)} ms`;
  const layer = [tags['cache.layer'], tags['cache.result']].filter((tag) => tag !== undefined).join(' ');
  const delivered = tags['cache.delivered'] === true ? 'delivered' : '';
  const seq = tags['cache.seq'] === undefined ? '' : `seq ${tags['cache.seq']}`;
  return [layer, delivered, seq, took].filter(Boolean).join(' · ');
}

function drawLink(from: PlacedSpan, to: PlacedSpan, xOf: (atUs: number) => number): string {
  const [x1, y1] = [xOf(to.span.startUs + to.span.durationUs / 2), to.y + ROW / 2];
  const [x2, y2] = [xOf(from.span.startUs), from.y + ROW / 2];
  const bend = (y1 + y2) / 2;
  const curve = `M${round(x1)} ${round(y1)}C${round(x1)} ${round(bend)} ${round(x2)} ${round(bend)} ${round(x2)} ${round(y2)}`;
  return `<path d="${curve}" fill="none" stroke="#9ca3af" stroke-width="1.2" stroke-dasharray="4 3"/>`;
}

function drawKey(places: readonly string[], colourOf: (place: string) => string): string[] {
  let x = 12;
  return places.flatMap((place) => {
    const parts = [rect(x, 28, 10, 10, colourOf(place)), text(x + 14, 37, place, { size: 11, fill: INK })];
    x += widthOf(place, 11) + 36;
    return parts;
  });
}

function drawAxis(startUs: number, endUs: number, xOf: (atUs: number) => number, bottom: number): string[] {
  const stepUs = niceStep((endUs - startUs) / 6);
  const parts: string[] = [];
  for (let atUs = 0; atUs <= endUs - startUs; atUs += stepUs) {
    const x = xOf(startUs + atUs);
    parts.push(`<path d="M${round(x)} ${HEAD - 8}V${bottom}" stroke="#eef0f3"/>`);
    parts.push(text(x, HEAD - 12, `${atUs / 1000} ms`, { size: 9, fill: GREY, anchor: 'middle' }));
  }
  return parts;
}

/** The next of 1, 2, 5, 10, … milliseconds. */
function niceStep(wantedUs: number): number {
  for (let power = 1000; ; power *= 10) {
    const step = [1, 2, 5].map((factor) => factor * power).find((each) => each >= wantedUs);
    if (step !== undefined) return step;
  }
}
