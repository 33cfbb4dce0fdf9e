/** `npm run consistency`: the command of `@tierwise/testing`, on a Redis that is found or installed like that of the tests. */
import { runConsistency } from '@tierwise/testing/consistency';
import { runCommand, startMemcached, startRedis } from './servers/index.ts';

await runCommand(() =>
  runConsistency({
    args: process.argv.slice(2),
    redisUrl: process.env.REDIS_URL,
    launch: { redis: ({ args }) => startRedis({ args }), memcached: ({ args }) => startMemcached({ args }) },
  }),
);
