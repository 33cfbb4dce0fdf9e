import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerKind } from './server.ts';

const ATTEMPT_TIMEOUT_MS = 1_000;
const PAUSE_MS = 20;

/** Asks a server once. Resolves to `undefined` when it does not answer, or is not ready. */
function probeOnce(kind: ServerKind, host: string, port: number): Promise<{ pid: number | undefined } | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port });
    const settle = (result: { pid: number | undefined } | undefined): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(ATTEMPT_TIMEOUT_MS, () => settle(undefined));
    socket.on('error', () => settle(undefined));
    socket.on('close', () => settle(undefined));
    socket.on('connect', () => socket.write(kind.probe, 'latin1'));
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk;
      const result = kind.readProbe(answer);
      if (result !== undefined) settle(result);
    });
  });
}

/**
 * Waits until the server at this address is ready.
 *
 * @returns the process id that the server gave, if it gave one; `'silent'` when it never became ready.
 */
export async function waitUntilReady(
  kind: ServerKind,
  { host, port, signal, timeoutMs }: { host: string; port: number; signal?: AbortSignal; timeoutMs: number },
): Promise<{ pid: number | undefined } | 'silent'> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline && signal?.aborted !== true) {
    const result = await probeOnce(kind, host, port);
    if (result !== undefined) return result;
    await delay(PAUSE_MS);
  }
  return 'silent';
}
