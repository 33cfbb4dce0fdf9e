import { constants } from 'node:os';
import { runCommand } from '../../../scripts/servers/index.ts';
import { type DemoOptions, HELP, parseOptions, UsageError } from './demo/options.ts';
import { runDemo } from './demo/run.ts';
import { Teardown } from './demo/teardown.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function main(): Promise<number> {
  let options: DemoOptions | 'help';
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}. See npm run demo -- --help`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }

  const teardown = new Teardown();
  let interrupted = false;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // The second time nothing is waited for: children and servers notice that this process is gone.
      if (interrupted) process.exit(128 + constants.signals[signal]);
      interrupted = true;
      void teardown.run().finally(() => process.exit(128 + constants.signals[signal]));
    });
  }
  try {
    return await runDemo(options, teardown);
  } catch (error) {
    // What fails while everything is being taken down is no news.
    if (interrupted) await new Promise(() => {});
    throw error;
  } finally {
    if (!interrupted) await teardown.run();
  }
}

await runCommand(main);
