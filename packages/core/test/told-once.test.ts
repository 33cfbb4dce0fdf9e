// Whoever waits for a read or a set is told once, whatever fails while the others of its batch are being told.

import { expect, test } from 'vitest';
import { RemoteRead } from '../src/engine/remote-reads.ts';
import { UnderWay } from '../src/engine/under-way.ts';
import { createCounters } from '../src/stats.ts';
import { openInstance } from './support/instances.ts';

test('readers of a read that is settled again hear nothing more', () => {
  const { layers } = createCounters(['redis']);
  const counters = layers['redis'];
  if (counters === undefined) throw new Error('there are counters for each layer');
  const read = new RemoteRead('k', { name: 'redis', storeName: 'redis', counters });
  const told: string[] = [];
  for (const name of ['first', 'second', 'third']) read.addReader({ onJudged: () => told.push(name) });
  read.settle(0);
  read.settle(0);
  expect(told).toEqual(['first', 'second', 'third']);
});

test('a set that was answered is not journaled because the next one of its batch failed', async () => {
  const { cache, remote } = await openInstance();
  const { partition } = remote;
  const isServable = partition.isServable.bind(partition);
  partition.isServable = (key, tags, lease) => {
    if (key === 'b') throw new Error('broken');
    return isServable(key, tags, lease);
  };
  const [first, second] = await Promise.all([cache.set('a', 1), cache.set('b', 2)]);
  expect(first).toEqual({ stored: true, outdated: false, delivered: true });
  expect(second).toEqual({ stored: false, outdated: false, delivered: false });
  expect(remote.partition.journal.waiting().size).toBe(1);
  expect(cache.stats().invalidations.undelivered).toBe(1);
  await cache.close();
});

test('nobody waits for calls of which more have ended than begun', async () => {
  const calls = new UnderWay();
  calls.end();
  await calls.settle();
});
