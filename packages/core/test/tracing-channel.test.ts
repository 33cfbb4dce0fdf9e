import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { afterEach, expect, test } from 'vitest';
import type { PublishedContext } from '../src/telemetry/published-span.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance } from './support/instances.ts';
import { Recording } from './support/recording.ts';

const channel = tracingChannel<unknown, PublishedContext>('tierwise');
const heard: [event: string, context: PublishedContext][] = [];
const subscribers = {
  start: (context: PublishedContext) => void heard.push(['start', context]),
  end: (context: PublishedContext) => void heard.push(['end', context]),
  asyncStart: (context: PublishedContext) => void heard.push(['asyncStart', context]),
  asyncEnd: (context: PublishedContext) => void heard.push(['asyncEnd', context]),
  error: (context: PublishedContext) => void heard.push(['error', context]),
};

afterEach(() => {
  channel.unsubscribe(subscribers);
  heard.length = 0;
});

const eventsOf = (name: string): string[] =>
  heard.filter(([, context]) => context.name === name).map(([event]) => event);

test('a subscriber hears every span, with its attributes and the one above it', async () => {
  const { cache } = await openInstance();
  channel.subscribe(subscribers);
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
  await settled();
  const names = heard.filter(([event]) => event === 'start').map(([, context]) => context.name);
  expect(names).toEqual([
    'cache.getOrSet',
    'cache.layer.get',
    'cache.layer.get',
    'cache.load',
    'cache.layer.set',
    'cache.layer.set',
  ]);
  for (const name of ['cache.getOrSet', 'cache.load']) {
    expect(eventsOf(name)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
  }
  const [, operation] = heard[0] ?? [];
  expect(operation).toMatchObject({ attributes: { 'cache.name': 'test', 'cache.hit': false }, parent: undefined });
  const load = heard.find(([, { name }]) => name === 'cache.load')?.[1];
  expect(load?.parent).toBe(operation);
  expect(JSON.stringify(heard.map(([, { attributes }]) => attributes))).not.toContain('"k"');
});

test('a failure is an error event before the end', async () => {
  const { cache } = await openInstance();
  channel.subscribe(subscribers);
  const fault = new Error('no database');
  await expect(cache.getOrSet('k', () => Promise.reject(fault))).rejects.toBe(fault);
  expect(eventsOf('cache.load')).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  expect(heard.find(([event]) => event === 'error')?.[1].error).toBe(fault);
});

test('stores bound to the start reach the loader', async () => {
  const { cache } = await openInstance();
  const store = new AsyncLocalStorage<PublishedContext>();
  channel.start.bindStore(store, (context) => context);
  channel.subscribe(subscribers);
  try {
    const name = await cache.getOrSet('k', async () => {
      await settled();
      return store.getStore()?.name;
    });
    expect(name).toBe('cache.load');
  } finally {
    channel.start.unbindStore(store);
  }
});

test('without a subscriber nothing is published, whoever else records', async () => {
  const telemetry = new Recording();
  const { cache } = await openInstance({ telemetry });
  await cache.getOrSet('k', () => 1);
  channel.subscribe(subscribers);
  channel.unsubscribe(subscribers);
  await cache.getOrSet('k', () => 1);
  expect(heard).toEqual([]);
  expect(telemetry.named('cache.getOrSet')).toHaveLength(2);
});

test('a subscriber and telemetry both hear of a call', async () => {
  const telemetry = new Recording();
  const { cache } = await openInstance({ telemetry });
  channel.subscribe(subscribers);
  telemetry.clear();
  await cache.get('k');
  expect(telemetry.tree()).toHaveLength(3);
  expect(heard.filter(([event]) => event === 'asyncEnd')).toHaveLength(3);
});
