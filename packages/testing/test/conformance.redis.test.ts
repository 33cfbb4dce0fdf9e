import { redis } from '@tierwise/redis';
import { Redis } from 'ioredis';
import { describe, inject, it } from 'vitest';
import { remoteConformance } from '../src/conformance/index.ts';
import { FaultProxy } from '../src/index.ts';

const url = inject('redisUrl');

describe('the Redis remote', () => {
  const cases = remoteConformance({
    createRemote: () => redis({ url }),
    async loseState(_remote, cacheName) {
      const client = new Redis(url);
      await client.del(`${cacheName}#meta`, `${cacheName}#fence`, `${cacheName}#log`);
      client.disconnect();
    },
    async createUnreachable(kind) {
      const { hostname, port } = new URL(url);
      const proxy = await FaultProxy.start({ target: { host: hostname, port: Number(port) } });
      if (kind === 'silent') proxy.silence();
      else proxy.cut('reset', 'refused');
      return {
        remote: redis({ url: proxy.url, commandTimeout: 500 }),
        recover: () => proxy.resume(),
        dispose: () => proxy.stop(),
      };
    },
  });
  for (const { name, run } of cases) it(name, run);
});
