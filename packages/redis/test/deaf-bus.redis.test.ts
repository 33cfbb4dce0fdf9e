// Schedule 14 of protocol.md on one server: the subscription ends without a word, the connection answers PING.

import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openCache, openClient, uniqueName } from './support/caches.ts';
import { eventually, pause } from './support/until.ts';

const LEASE_MS = 1_500;

/** A client whose duplicates can be told apart, so that a test can get at the links a cache makes from it. */
function spiedClient() {
  const client = new Redis(inject('redisUrl'), { lazyConnect: true, replyMapping: 'legacy' });
  onTestFinished(() => client.disconnect());
  const made: Redis[] = [];
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (...args: Parameters<typeof duplicate>) => {
    const link = duplicate(...args);
    made.push(link);
    return link;
  };
  const linkFor = (role: string): Redis => {
    const link = made.findLast(({ options }) => options.connectionName?.endsWith(`:${role}`));
    if (link === undefined) throw new Error(`there is no link for ${role}`);
    return link;
  };
  return { client, linkFor };
}

test('14: it is noticed by what tails bring, made anew, and nothing is stale meanwhile', async () => {
  const name = uniqueName();
  const options = { name, coherence: { lease: LEASE_MS } } as const;
  const { client, linkFor } = spiedClient();
  const [deaf, other] = [openCache(options, { client }), openCache(options)];
  await Promise.all([deaf.ready(), other.ready()]);
  const server = openClient();
  const subscribers = async () => ((await server.pubsub('NUMSUB', `${name}#bus:0`)) as unknown[])[1];
  await eventually(subscribers).toBe(2);

  const lost = linkFor('bus');
  await lost.unsubscribe(`${name}#bus:0`);
  expect(await subscribers()).toBe(1);
  expect(await lost.ping()).toBe('PONG');

  let row = 0;
  let rounds = 0;
  while ((await subscribers()) !== 2 && rounds++ < 50) {
    expect(await deaf.getOrSet('k', () => row)).toBeGreaterThanOrEqual(row - 1);
    row++;
    await other.delete('k');
    await pause(LEASE_MS);
    await eventually(() => deaf.health().state).toBe('coherent');
    // The promise: a lease after the delete nobody answers what was loaded before it.
    expect(await deaf.getOrSet('k', () => row)).toBe(row);
  }
  expect(await subscribers()).toBe(2);
  expect(linkFor('bus')).not.toBe(lost);

  const { received } = deaf.stats().invalidations;
  await other.delete('k');
  await eventually(() => deaf.stats().invalidations.received).toBeGreaterThan(received);
});

test('a bus without events is left as it is', async () => {
  const name = uniqueName();
  const { client, linkFor } = spiedClient();
  const cache = openCache({ name, coherence: { lease: '100ms' } }, { client });
  await cache.ready();
  const bus = linkFor('bus');
  await pause(1_000);
  expect(linkFor('bus')).toBe(bus);
});
