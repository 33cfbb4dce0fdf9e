import { expect, test } from 'vitest';
import type { Logger } from '../src/telemetry/logger.ts';
import { settled } from './support/fake-clock.ts';
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
