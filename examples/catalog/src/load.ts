import { createServer } from 'node:http';
import { LoadGenerator } from './demo/load-generator.ts';

const { env } = process;

/** How long nothing may be answered before the load is called unwell. */
const SILENCE_MS = 10_000;

/**
 * Visitors without end for shops that run already: those that `TARGETS` names, `REQUESTS_PER_SECOND` in all. What they saw is
 * told at `PORT`, with status 503 while nothing is answered.
 */
async function main(): Promise<void> {
  const instances = (env['TARGETS'] ?? 'http://127.0.0.1:3000').split(',').map((target) => {
    const { hostname, port, host } = new URL(target);
    return { name: host, host: hostname, port: Number(port || 80) };
  });
  const stop = new AbortController();
  const maxPerSecond = Number(env['REQUESTS_PER_SECOND'] ?? 50);
  const load = new LoadGenerator({ instances, maxPerSecond }, Number(env['SEED'] ?? 1), stop.signal);

  let answered = 0;
  let answeredAtMs = performance.now();
  const server = createServer((_request, response) => {
    const { cached, bypass, failed, firstFailure, changes, instances: seen } = load.measurements;
    const answers = cached.count + bypass.count;
    if (answers !== answered) answeredAtMs = performance.now();
    answered = answers;
    const oldestStaleMs = Math.max(...seen.map((instance) => instance.oldestStaleMs));
    response.statusCode = performance.now() - answeredAtMs > SILENCE_MS ? 503 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ answers, failed, firstFailure, changes, oldestStaleMs }));
  });
  server.listen(Number(env['PORT'] ?? 3001), env['HOST'] ?? '127.0.0.1');

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  await load.run(Number.POSITIVE_INFINITY);
  load.close();
  server.close();
}

await main();
