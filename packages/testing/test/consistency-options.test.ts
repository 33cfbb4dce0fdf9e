import { expect, test } from 'vitest';
import { parseOptions } from '../src/consistency/options.ts';

test.each<[what: string, message: string, args: readonly string[], redisUrl?: string]>([
  ['a fault there is not', "got 'flood'", ['--fault', 'flood']],
  ['a lease that is none', '--lease', ['--lease', 'soon']],
  ['a lease no cache takes', 'from 100 ms', ['--lease', '10ms']],
  ['a fault that harms others', 'would harm', ['--fault', 'flushall'], 'redis://127.0.0.1:1'],
  ['a fault of one server on a cluster', 'without --cluster', ['--cluster', '--fault', 'rollback']],
  ['a fault of a cluster on one server', 'with --cluster', ['--fault', 'migrate']],
  ['partitions of no cluster', '--partitions is for a run with --cluster', ['--partitions', '4']],
  ['a fault of a Memcached that is not there', '--store memcached', ['--fault', 'memevict']],
  ['a store there is not', "'disk'", ['--store', 'disk']],
  ['a cluster beside a Redis', 'unset REDIS_URL', ['--cluster'], 'redis://127.0.0.1:1'],
])('tierwise-consistency refuses %s', (_what, message, args, redisUrl) => {
  expect(() => parseOptions(args, redisUrl)).toThrow(
    expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(message) }),
  );
});
