import { AsyncLocalStorage } from 'node:async_hooks';
import { systemClock } from 'tierwise/driver';
import { expect, test } from 'vitest';
import { Link } from '../src/link.ts';

// Symptom: after a read had found the bus deaf, every later message ran in the trace of that read, and kept its request alive.
test('a connection made anew belongs to the cache, not to the call that found the one before lost', async () => {
  const requests = new AsyncLocalStorage<string>();
  const created: (string | undefined)[] = [];
  const { promise: again, resolve } = Promise.withResolvers<void>();
  const link = requests.run(
    'cache',
    () =>
      new Link({
        clock: { ...systemClock, after: (_delayMs, call) => systemClock.after(1, call) },
        connectDeadlineMs: 1_000,
        deadlineMs: 1_000,
        create() {
          created.push(requests.getStore());
          if (created.length === 3) resolve();
          throw new Error('nobody is there');
        },
        prepare: async () => {},
        onUp: () => {},
        onDown: () => {},
      }),
  );
  requests.run('request', () => link.open());
  await again;
  link.close();
  expect(created).toEqual(['request', 'cache', 'cache']);
});
