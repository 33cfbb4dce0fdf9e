import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { createCache } from '../src/cache.ts';
import { inProcess } from '../src/in-process/remote.ts';
import type { Remote } from '../src/store/remote.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance, PAST_LEASE_MS } from './support/instances.ts';

// Symptom: the tails of a cache that was created in a request were part of its trace for ever, and kept what it held alive.
test('timers and messages run outside the request that created the cache', async () => {
  const requests = new AsyncLocalStorage<string>();
  const seen: [what: string, request: string | undefined][] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const note = (what: string): void => {
    seen.push([what, requests.getStore()]);
    if (seen.filter(([each]) => each === 'tail').length >= 4 && seen.some(([each]) => each === 'message')) resolve();
  };
  const inner = inProcess();
  const watched: Remote = {
    name: inner.name,
    open(context) {
      const session = inner.open(context);
      const [partition] = session.partitions;
      if (partition === undefined) throw new Error('there is one partition');
      const { coordinator, store } = partition;
      return {
        ...session,
        partitions: [
          {
            store,
            coordinator: {
              ...coordinator,
              listen: (listener) =>
                coordinator.listen({
                  onMessage(message) {
                    note('message');
                    listener.onMessage(message);
                  },
                  onDoubt: () => listener.onDoubt(),
                  onConnected: () => listener.onConnected(),
                  onDisconnected: () => listener.onDisconnected(),
                }),
              tail(request) {
                note('tail');
                return coordinator.tail(request);
              },
            },
          },
        ],
      };
    },
  };
  const options = { name: 'test', ttl: '1h', memory: { maxEntries: 10 }, coherence: { lease: '100ms' } } as const;
  const cache = requests.run('request', () => createCache({ ...options, remote: watched }));
  const other = createCache({ ...options, remote: inner });
  try {
    await Promise.all([cache.ready(), other.ready()]);
    await other.delete('k');
    await enough;
    expect(seen.filter(([, request]) => request !== undefined)).toEqual([]);
  } finally {
    await cache.close();
    await other.close();
  }
});

// Symptom: what a listener did at a reconnect, and the delivery of the journal, were part of the trace of the request whose
// read had asked for the tail.
test('listeners and the delivery of the journal run outside the request whose read needed proof', async () => {
  const requests = new AsyncLocalStorage<string>();
  const { cache, clock, remote } = await openInstance();
  const seen: [what: string, request: string | undefined][] = [];
  for (const event of ['coherent', 'delivered', 'error'] as const) {
    cache.on(event, () => seen.push([event, requests.getStore()]));
  }
  remote.invalidate.fail();
  remote.tail.fail();
  await cache.delete('k');
  await clock.advance(PAST_LEASE_MS);
  expect(cache.health()).toMatchObject({ state: 'suspect', journaled: 1 });
  remote.invalidate.pass();
  remote.tail.pass();
  await requests.run('request', () => cache.get('other'));
  await settled();
  expect(seen).toEqual([
    ['coherent', undefined],
    ['delivered', undefined],
  ]);
});
