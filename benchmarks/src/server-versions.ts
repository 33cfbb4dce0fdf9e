import { once } from 'node:events';
import { connect } from 'node:net';
import type { Server } from '../../scripts/servers/index.ts';

/** What the servers of a run say they are. */
export async function serverVersions(redis: Server, memcached: Server): Promise<{ redis: string; memcached: string }> {
  const [redisVersion, memcachedVersion] = await Promise.all([
    ask(redis, 'INFO server\r\n', /redis_version:(\S+)/),
    ask(memcached, 'version\r\n', /VERSION (\S+)/),
  ]);
  return { redis: redisVersion, memcached: memcachedVersion };
}

async function ask({ host, port }: Server, question: string, pattern: RegExp): Promise<string> {
  const socket = connect({ host, port });
  try {
    socket.write(question);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return pattern.exec(answer.toString())?.[1] ?? 'unknown';
  } finally {
    socket.destroy();
  }
}
