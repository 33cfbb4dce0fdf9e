import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { createCache } from '../src/cache.ts';
import { instrument, observe, processWide } from '../src/telemetry/process-wide.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const before = processWide.caches.size;

function observed() {
  return { name: 'shop', stats: vi.fn(), health: vi.fn() };
}

/** In a frame of its own, so that nothing on the stack holds what it made. */
function observeAndDrop(): void {
  for (let i = 0; i < 100; i++) observe(observed(), undefined);
}

test('what was dropped without having been closed is not held for being observable', async () => {
  observeAndDrop();
  expect(processWide.caches.size).toBe(before + 100);
  await vi.waitFor(() => {
    collectGarbage();
    expect(processWide.caches.size).toBeLessThan(before + 10);
  });
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
