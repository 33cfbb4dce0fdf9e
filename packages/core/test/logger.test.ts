import { expect, onTestFinished, test } from 'vitest';
import { createCache } from '../src/cache.ts';
import { CacheError, type ErrorCode } from '../src/errors.ts';
import { inProcess } from '../src/in-process/remote.ts';
import type { PlainLayer, PlainLayerContext } from '../src/store/plain-store.ts';
import type { Logger } from '../src/telemetry/logger.ts';
import { FakeClock, settled } from './support/fake-clock.ts';
import { HeldPlainStore } from './support/held-plain-store.ts';
import { openInstance, PAST_LEASE_MS } from './support/instances.ts';

interface Line {
  readonly level: keyof Logger;
  readonly facts: Record<string, unknown>;
  readonly message: string;
}

function recordingLogger(): { lines: Line[]; logger: Logger } {
  const lines: Line[] = [];
  const at = (level: keyof Logger) => (facts: object, message: string) => {
    lines.push({ level, facts: facts as Record<string, unknown>, message });
  };
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

test('an outage is told in a few lines, however many calls meet it', async () => {
  const { lines, logger } = recordingLogger();
  const { cache, clock, remote } = await openInstance({ logger });
  expect(lines.map(({ level, facts }) => [level, facts['state']])).toEqual([
    ['info', undefined],
    ['info', 'coherent'],
  ]);
  for (let i = 0; i < 50; i++) await cache.getOrSet(`k${i}`, () => i);
  expect(lines).toHaveLength(2);
  remote.disconnect();
  await clock.advance(PAST_LEASE_MS);
  for (let i = 0; i < 50; i++) await cache.delete(`k${i}`);
  remote.connect();
  await clock.advance(100);
  expect(lines.slice(2).map(({ level, facts }) => [level, facts['state'] ?? facts['journaled']])).toEqual([
    ['warn', 'offline'],
    ['warn', 1],
    ['info', 'coherent'],
    ['info', undefined],
  ]);
  for (const { facts, message } of lines) {
    expect(facts['cache']).toBe('test');
    expect(message).toMatch(/^tierwise: /);
    expect(JSON.stringify(facts)).not.toContain('k1');
  }
});

test('the end of a cache is written, with what is lost with it', async () => {
  const { lines, logger } = recordingLogger();
  const { cache, remote } = await openInstance({ logger });
  remote.disconnect();
  await cache.delete('k');
  await cache.close();
  expect(lines.at(-1)).toMatchObject({ level: 'info', facts: { state: 'closed', journaled: 1 } });
});

// Symptom: after a set was repeated until it went through, no outage was told of any more.
test('an outage is told also after the journal was emptied by a later call', async () => {
  const { lines, logger } = recordingLogger();
  const { cache, clock, remote } = await openInstance({ logger });
  const waits = (): number => lines.filter(({ message }) => message.includes('could not be delivered')).length;
  const delivered: number[] = [];
  cache.on('delivered', ({ journaled }) => delivered.push(journaled));
  remote.tail.hold();
  remote.set.fail('request', 'REMOTE_TIMEOUT');
  await cache.set('k', 1);
  remote.set.pass();
  expect(await cache.set('k', 1)).toMatchObject({ delivered: true });
  expect([waits(), delivered, cache.health().journaled]).toEqual([1, [0], 0]);
  expect(lines.at(-1)).toMatchObject({ level: 'info', message: expect.stringContaining('were delivered') });
  await cache.set('k', 2);
  expect(delivered).toEqual([0]);
  remote.tail.release();
  remote.tail.pass();
  await settled();
  remote.disconnect();
  await clock.advance(PAST_LEASE_MS);
  await cache.delete('other');
  expect(waits()).toBe(2);
});

test('a fault that goes on is written once, and again after things were well', async () => {
  const { lines, logger } = recordingLogger();
  const { clock, remote } = await openInstance({ logger });
  const errors = (): unknown[] => lines.filter(({ level }) => level === 'error').map(({ facts }) => facts['code']);
  remote.tail.fail('request', 'REMOTE_REJECTED');
  await clock.advance(3 * PAST_LEASE_MS);
  expect(errors()).toEqual(['REMOTE_REJECTED']);
  remote.tail.pass();
  await clock.advance(PAST_LEASE_MS);
  remote.tail.fail('request', 'REMOTE_REJECTED');
  await clock.advance(3 * PAST_LEASE_MS);
  expect(errors()).toEqual(['REMOTE_REJECTED', 'REMOTE_REJECTED']);
});

test('a logger that throws is counted and changes nothing', async () => {
  const broken = (): never => {
    throw new Error('disk full');
  };
  const { cache } = await openInstance({ logger: { debug: broken, info: broken, warn: broken, error: broken } });
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
  expect(cache.stats().telemetryErrors).toBe(2);
});

test('a logger that rejects is counted and ends nothing', async () => {
  const broken = async (): Promise<never> => {
    throw new Error('disk full');
  };
  const { cache } = await openInstance({ logger: { debug: broken, info: broken, warn: broken, error: broken } });
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
  await settled();
  expect(cache.stats().telemetryErrors).toBe(2);
});

/** What the layers of a cache reported is up to the test. */
async function openReporting() {
  const contexts: Record<string, Pick<PlainLayerContext, 'onError' | 'onRecovered'>> = {};
  const { lines, logger } = recordingLogger();
  const clock = new FakeClock();
  const redis = inProcess();
  const plain = (name: string): PlainLayer => ({
    name: 'memcached',
    connect: (context) => {
      contexts[name] = context;
      return new HeldPlainStore();
    },
  });
  const cache = createCache({
    name: 'test',
    ttl: '1h',
    memory: { maxEntries: 10 },
    stores: {
      redis: {
        name: 'redis',
        open: (context) => {
          contexts['redis'] = context;
          return redis.open(context);
        },
      },
      near: plain('near'),
      far: plain('far'),
    },
    logger,
    clock,
  });
  onTestFinished(() => cache.close());
  await cache.ready();
  const away = (store: string, server?: string, code: ErrorCode = 'REMOTE_UNAVAILABLE'): void =>
    contexts[store]?.onError(new CacheError(code, 'gone', server === undefined ? {} : { server }));
  const back = (store: string, server?: string): void => contexts[store]?.onRecovered(server);
  const told = (): unknown[] =>
    lines
      .filter(({ facts }) => 'store' in facts)
      .map(({ level, facts: { store, server } }) =>
        [level, store, server].filter((fact) => fact !== undefined).join(' '),
      );
  return { cache, clock, away, back, told, lines };
}

// Symptom: the second outage of a Memcached server was written nowhere, since Redis was well all the time.
test('each outage of a layer is told once, and that it is over', async () => {
  const { away, back, told } = await openReporting();
  away('near');
  away('near', undefined, 'REMOTE_TIMEOUT');
  away('far');
  back('near');
  back('near');
  away('near');
  away('far');
  expect(told()).toEqual(['error near', 'error far', 'info near', 'error near']);
});

test('an outage of the authority that is shorter than its lease is told like any other', async () => {
  const { away, back, told } = await openReporting();
  for (let outage = 0; outage < 2; outage++) {
    away('redis', 'h:1');
    away('redis', 'h:2');
    away('redis', 'h:1');
    back('redis');
  }
  const once = ['error redis h:1', 'error redis h:2', 'info redis'];
  expect(told()).toEqual([...once, ...once]);
});

test('a server that answers again says nothing of another one', async () => {
  const { away, back, told } = await openReporting();
  away('near', 'h:1');
  away('near', 'h:2');
  back('near', 'h:2');
  away('near', 'h:1');
  away('near', 'h:2');
  expect(told()).toEqual(['error near h:1', 'error near h:2', 'info near h:2', 'error near h:2']);
});

test('a refusal that goes on is told once, and again after a minute without it', async () => {
  const { away, told, clock } = await openReporting();
  for (let minute = 0; minute < 3; minute++) {
    away('near', 'h:1', 'REMOTE_REJECTED');
    await clock.advance(59_000);
  }
  expect(told()).toEqual(['error near h:1']);
  await clock.advance(1_000);
  away('near', 'h:1', 'REMOTE_REJECTED');
  expect(told()).toEqual(['error near h:1', 'error near h:1']);
});

test('a refusal of a command names the store it is of', async () => {
  const { lines, logger } = recordingLogger();
  const store = new HeldPlainStore();
  const cache = createCache({
    name: 'test',
    ttl: '1h',
    memory: { maxEntries: 10 },
    stores: { redis: inProcess(), near: { name: 'memcached', connect: () => store } },
    layers: ['memory', 'near', 'redis'],
    logger,
    clock: new FakeClock(),
  });
  onTestFinished(() => cache.close());
  const events: CacheError[] = [];
  cache.on('error', (error) => events.push(error));
  await cache.ready();
  store.fault = new CacheError('REMOTE_REJECTED', 'full', { server: 'h:1' });
  await cache.set('k', 1);
  await settled();
  expect(events.map(({ facts }) => facts)).toContainEqual({ store: 'near', server: 'h:1' });
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
    { facts: { cache: 'test', store: 'near', server: 'h:1', code: 'REMOTE_REJECTED' } },
  ]);
});
