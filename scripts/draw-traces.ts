/**
 * Draws traces as an SVG from what Jaeger's API answers, on one axis of time, with the links between them:
 * `npm run draw:traces -- <file> <address of a trace in Jaeger> …`, the addresses as the demo prints them.
 */
import { writeFileSync } from 'node:fs';
import { type JaegerTrace, readTrace } from './pictures/jaeger-trace.ts';
import { drawTraces } from './pictures/traces.ts';

const [target, ...addresses] = process.argv.slice(2);
if (target === undefined || addresses.length === 0) {
  console.error('Usage: npm run draw:traces -- <file> <address of a trace in Jaeger> …');
  process.exitCode = 2;
} else {
  const traces: JaegerTrace[] = [];
  for (const address of addresses) {
    const { origin, pathname } = new URL(address);
    const id = pathname.split('/').at(-1);
    const answer = await fetch(`${origin}/api/traces/${id}`);
    if (!answer.ok) throw new Error(`${address} answers with status ${answer.status}`);
    traces.push(readTrace(await answer.json()));
  }
  writeFileSync(target, drawTraces(traces));
  console.log(`Wrote ${target}: ${traces.map(({ spans }) => spans.length).join(' + ')} spans.`);
}
