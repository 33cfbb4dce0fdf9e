/** No server of the wanted kind could be found or started on this machine. The message says how to get one. */
export class ServerUnavailableError extends Error {
  override readonly name = 'ServerUnavailableError';
}

/**
 * Runs a command's main function and ends the process with exit code 1 when it fails. A missing server is
 * reported as its one sentence, anything else with its stack.
 */
export async function runCommand(main: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof ServerUnavailableError ? error.message : error);
    process.exitCode = 1;
  }
}

/** The server, once it is there. Without it the process ends with exit code 1 and the one sentence. */
export async function orExplain<S>(server: Promise<S>): Promise<S> {
  try {
    return await server;
  } catch (error) {
    if (!(error instanceof ServerUnavailableError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
