import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { simulate } from './simulation.ts';

/** What a worker tells after each seed. */
interface Told {
  readonly seed: number;
  readonly answers: number;
  readonly events: number;
  /** The report of a violation. */
  readonly report: string | undefined;
}

/** Seeds one worker takes at a time. */
const CHUNK = 20;
/** Violations printed in full; more say nothing new. */
const MAX_REPORTS = 5;

if (isMainThread) await main();
else await work(workerData as { from: number; count: number; step: number });

/** Runs its share of the seeds: chunk after chunk, every `step` chunks. */
async function work({ from, count, step }: { from: number; count: number; step: number }): Promise<void> {
  for (let chunk = from; chunk < from + count; chunk += CHUNK * step) {
    for (let seed = chunk; seed < Math.min(chunk + CHUNK, from + count); seed++)
      parentPort?.postMessage(await told(seed));
  }
}

async function told(seed: number): Promise<Told> {
  try {
    const outcome = await simulate(seed);
    const report = outcome.violations.length > 0 ? outcome.report() : undefined;
    return { seed, answers: outcome.answers, events: outcome.events, report };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { seed, answers: 0, events: 0, report: `seed ${seed}: the simulation itself failed: ${text}` };
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(availableParallelism()) },
      'go-on': { type: 'boolean', default: false },
    },
  });
  const [from, count, workers] = [Number(values.from), Number(values.seeds), Number(values.workers)];
  if (![from, count, workers].every((number) => Number.isSafeInteger(number) && number > 0)) {
    throw new Error('usage: simulate [--seeds 2000] [--from 1] [--workers n] [--go-on]');
  }
  const totals = { seeds: 0, answers: 0, events: 0, broken: 0 };
  const running = new Set<Worker>();
  const stop = (): void => {
    for (const worker of running) void worker.terminate();
  };
  const take = ({ answers, events, report }: Told): void => {
    totals.seeds++;
    totals.answers += answers;
    totals.events += events;
    if (report !== undefined) {
      totals.broken++;
      if (totals.broken <= MAX_REPORTS) console.log(`${report}\n`);
      if (!values['go-on']) stop();
    }
    if (totals.seeds % 1_000 === 0) console.log(`${totals.seeds} of ${count} seeds, ${totals.broken} broken`);
  };
  const shares = Array.from({ length: Math.min(workers, Math.ceil(count / CHUNK)) }, (_, index, all = workers) => {
    const first = from + index * CHUNK;
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { from: first, count: count - index * CHUNK, step: Math.min(all, Math.ceil(count / CHUNK)) },
    });
    running.add(worker);
    worker.on('message', take);
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', () => {
        running.delete(worker);
        resolve();
      });
    });
  });
  await Promise.all(shares);
  const { seeds, answers, events, broken } = totals;
  console.log(`${seeds} seeds, ${events} events, ${answers} answers judged, ${broken} seeds with a violation`);
  process.exitCode = broken > 0 ? 1 : 0;
}
