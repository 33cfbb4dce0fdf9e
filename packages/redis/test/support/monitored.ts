import type { Redis } from 'ioredis';
import { eventually } from './until.ts';

/** Calls `heard` with each command that reached the server of `client` while `work` ran; `source` is `lua` inside scripts. */
export async function monitored(
  client: Redis,
  work: () => Promise<unknown>,
  heard: (name: string, args: readonly string[], source: string) => void,
): Promise<void> {
  let isDone = false;
  // On a connection of its own. One more that connects meanwhile would be told of with the reply to MONITOR, which ioredis
  // does not expect there.
  const monitor = await client.monitor();
  monitor.on('monitor', (_time: string, [name = '', ...args]: string[], source: string) => {
    const command = name.toLowerCase();
    if (command === 'echo') isDone = true;
    else heard(command, args, source);
  });
  try {
    await work();
    // What the monitor tells comes in the order in which the server ran it.
    await client.echo('done');
    await eventually(() => isDone).toBe(true);
  } finally {
    monitor.disconnect();
  }
}
