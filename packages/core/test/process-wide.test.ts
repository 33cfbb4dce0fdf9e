import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type Cache, createCache } from '../src/cache.ts';
import { instrument, processWide } from '../src/telemetry/process-wide.ts';
import type { Telemetry } from '../src/telemetry/telemetry.ts';
import { FakeClock } from './support/fake-clock.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const before = processWide.caches.size;

/** In a frame of its own, so that nothing on the stack holds what it made. */
async function createAndDrop(): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const cache = createCache({ name: `c${i}`, ttl: '1m', memory: { maxEntries: 1 }, clock: new FakeClock() });
    await cache.ready();
  }
}

test('a cache dropped without having been closed, its clock with it, is not held for being observable', async () => {
  await createAndDrop();
  await expect
    .poll(() => {
      collectGarbage();
      return processWide.caches.size;
    })
    .toBeLessThan(before + 10);
});

test('a cache in use is shown to telemetry that comes later, and not any more once it is closed', async () => {
  const cache = createCache({ name: 'late', ttl: '1m', memory: { maxEntries: 1 } });
  collectGarbage();
  const attached: string[] = [];
  const telemetry = {
    isRecording: () => false,
    begin: () => {
      throw new Error('nothing is recorded');
    },
    measure: () => {},
    attach: ({ name }: { readonly name: string }) => {
      attached.push(name);
      return () => attached.splice(attached.indexOf(name), 1);
    },
  };
  const remove = instrument(telemetry);
  expect(attached).toEqual(['late']);
  await cache.close();
  expect(attached).toEqual([]);
  remove();
});

describe('what telemetry of the process throws', () => {
  const broken = (): never => {
    throw new Error('telemetry is broken');
  };
  const throwing = (attach: Telemetry['attach']): Telemetry => ({
    isRecording: () => false,
    begin: () => ({ isRecording: false, traceparent: '', run: (call) => call(), set() {}, link() {}, end() {} }),
    measure: () => {},
    attach,
  });
  const open = (): Cache => createCache({ name: 'broken', ttl: '1m', memory: { maxEntries: 1 } });

  test('is counted by the caches it was thrown at, also when it is replaced', async () => {
    const early = open();
    const stop = instrument(throwing(() => broken));
    const stopLater = instrument(throwing(broken));
    const late = open();
    expect([early, late].map((cache) => cache.stats().telemetryErrors)).toEqual([2, 1]);
    stopLater();
    stop();
    await early.close();
    await late.close();
    expect([early, late].map((cache) => cache.stats().telemetryErrors)).toEqual([2, 1]);
  });
});
