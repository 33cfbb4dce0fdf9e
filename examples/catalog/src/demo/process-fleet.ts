import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Fleet, type FleetOptions, INSTANCE_NAMES, type Instance } from './fleet.ts';
import type { Address } from './http-client.ts';

/** What all instances in processes of their own are told. */
export interface ProcessFleetOptions extends FleetOptions {
  readonly redisUrl: string;
  /** Directory that the instance removes when its parent is gone. */
  readonly scratchDir: string;
}

export interface InstanceSpec extends ProcessFleetOptions {
  readonly name: string;
}

/** Asks an instance which of its traces were begun because of this one. */
export interface LinkedQuestion {
  readonly traceId: string;
}

export interface LinkedAnswer {
  readonly linked: readonly string[];
}

const INSTANCE = fileURLToPath(new URL('./instance.ts', import.meta.url));
const MAX_PER_SECOND = 400;
const OUTPUT_KEPT_CHARS = 2000;

/** Three instances, each a server process of its own, with Redis between them. */
export async function startProcessFleet(options: ProcessFleetOptions): Promise<Fleet> {
  const death = new AbortController();
  const children: ChildProcess[] = [];
  let stopping = false;

  const stop = async (): Promise<void> => {
    stopping = true;
    const running = children.splice(0).filter((child) => child.exitCode === null && child.signalCode === null);
    const exits = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(exits);
  };
  const start = async (name: string): Promise<Instance> => {
    const spec: InstanceSpec = { ...options, name };
    const child = fork(INSTANCE, [JSON.stringify(spec)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    children.push(child);
    let output = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_KEPT_CHARS);
    });
    const ended = new AbortController();
    child.once('close', (code, signal) => {
      const reason = `instance ${name} ended by itself (${signal ?? `exit code ${code}`})\n${output}`.trim();
      ended.abort(reason);
      if (!stopping) death.abort(reason);
    });
    try {
      const [address] = (await once(child, 'message', { signal: ended.signal })) as [Address];
      return { name, ...address, tracesLinkedTo: (traceId) => askLinked(child, traceId, ended.signal) };
    } catch (error) {
      throw ended.signal.aborted ? new Error(String(ended.signal.reason)) : error;
    }
  };

  try {
    const instances = await Promise.all(INSTANCE_NAMES.map(start));
    return {
      title: 'three processes and Redis',
      instances,
      maxPerSecond: MAX_PER_SECOND,
      died: death.signal,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One question at a time: an instance answers in order and says nothing else. */
async function askLinked(child: ChildProcess, traceId: string, signal: AbortSignal): Promise<readonly string[]> {
  const question: LinkedQuestion = { traceId };
  const answered = once(child, 'message', { signal }) as Promise<[LinkedAnswer]>;
  child.send(question);
  const [{ linked }] = await answered;
  return linked;
}
