import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MemoryEntry, MemoryLayer, type MemoryLimits } from '../src/memory/memory-layer.ts';
import { estimateBytes } from '../src/memory/size.ts';
import { createCounters } from '../src/stats.ts';
import { openInstance } from './support/instances.ts';

function layer(limits: Partial<MemoryLimits>) {
  const counters = createCounters().memory;
  const memory = new MemoryLayer({ maxEntries: undefined, maxBytes: undefined, ...limits }, counters, estimateBytes);
  return { memory, counters };
}

function entry(value: unknown, dates: Partial<Pick<MemoryEntry, 'keySeq' | 'asOfMs'>> = {}): MemoryEntry {
  const { keySeq = 0, asOfMs = 0 } = dates;
  return new MemoryEntry({
    value,
    expiresMs: 1_000,
    asOfMs,
    lease: keySeq,
    keySeq,
    tags: [],
    isCopied: false,
    checkedGeneration: 0,
  });
}

describe('memory bounded by entries', () => {
  test('drops the least recently used and counts it', () => {
    const { memory, counters } = layer({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) memory.put(key, entry(key));
    memory.get('a');
    memory.put('d', entry('d'));
    expect(['a', 'b', 'c', 'd'].map((key) => memory.get(key)?.value)).toEqual(['a', undefined, 'c', 'd']);
    expect(counters.evictions).toBe(1);
    expect(memory.size).toBe(3);
    expect(memory.bytes).toBe(0);
  });

  test('counts no eviction for what is replaced, forgotten or expired', () => {
    const { memory, counters } = layer({ maxEntries: 3 });
    memory.put('a', entry(1));
    memory.put('a', entry(2));
    memory.forget('a', 1);
    memory.put('b', entry(1));
    memory.expire('b');
    memory.put('c', entry(1));
    memory.forgetAll();
    expect(counters).toMatchObject({ evictions: 0, invalidated: 2 });
    expect(memory.size).toBe(0);
  });
});

describe('memory bounded by bytes', () => {
  test('never holds more than the bound, by its own estimate', () => {
    const { memory, counters } = layer({ maxBytes: 100_000 });
    for (let i = 0; i < 1_000; i++) {
      memory.put(`key${i}`, entry('x'.repeat(1_000)));
      expect(memory.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(memory.size).toBeGreaterThan(70);
    expect(memory.size).toBeLessThan(100);
    expect(counters.evictions).toBe(1_000 - memory.size);
  });

  test('does not keep what is larger than the whole bound, nor what it replaces', () => {
    const { memory, counters } = layer({ maxBytes: 1_024 });
    expect(memory.put('a', entry('small'))).toBe(true);
    expect(memory.put('a', entry('x'.repeat(5_000)))).toBe(false);
    expect(memory.get('a')).toBe(undefined);
    expect(counters).toMatchObject({ oversized: 1, evictions: 0 });
  });

  test('gives back the bytes of what goes', () => {
    const { memory } = layer({ maxBytes: 100_000 });
    memory.put('a', entry('x'.repeat(1_000)));
    const { bytes } = memory;
    expect(bytes).toBeGreaterThan(1_000);
    memory.put('a', entry('x'.repeat(2_000)));
    expect(memory.bytes).toBeGreaterThan(bytes);
    memory.invalidate('a');
    expect(memory.bytes).toBe(0);
  });
});

test('memory bounded by both holds to whichever is reached first', () => {
  const { memory } = layer({ maxEntries: 5, maxBytes: 10_000 });
  for (let i = 0; i < 10; i++) memory.put(`small${i}`, entry(i));
  expect(memory.size).toBe(5);
  for (let i = 0; i < 10; i++) memory.put(`large${i}`, entry('x'.repeat(4_000)));
  expect(memory.size).toBe(2);
  expect(memory.bytes).toBeLessThanOrEqual(10_000);
});

describe('an entry already there', () => {
  test('stays when it is dated later', () => {
    const { memory } = layer({ maxEntries: 3 });
    memory.put('a', entry('new', { keySeq: 5 }));
    expect(memory.put('a', entry('old', { keySeq: 4, asOfMs: 99 }))).toBe(false);
    expect(memory.get('a')?.value).toBe('new');
    expect(memory.put('a', entry('newer', { keySeq: 6 }))).toBe(true);
    expect(memory.get('a')?.value).toBe('newer');
  });

  test('of the same number stays when it was current later', () => {
    const { memory } = layer({ maxEntries: 3 });
    memory.put('a', entry('new', { asOfMs: 5 }));
    expect(memory.put('a', entry('old', { asOfMs: 4 }))).toBe(false);
    expect(memory.put('a', entry('same', { asOfMs: 5 }))).toBe(true);
  });
});

describe('an event', () => {
  test('forgets what is dated before it only', () => {
    const { memory, counters } = layer({ maxEntries: 3 });
    memory.put('a', entry(1, { keySeq: 5 }));
    memory.forget('a', 5);
    expect(memory.get('a')?.value).toBe(1);
    memory.forget('a', 6);
    expect(memory.get('a')).toBe(undefined);
    memory.forget('a', 7);
    expect(counters.invalidated).toBe(1);
  });

  test('of a load that ends unkept drops what began before it', () => {
    const { memory } = layer({ maxEntries: 3 });
    memory.put('a', entry(1, { asOfMs: 5 }));
    memory.dropOlder('a', 4);
    expect(memory.get('a')?.value).toBe(1);
    memory.dropOlder('a', 5);
    expect(memory.get('a')).toBe(undefined);
  });

  test('of a part of the keys drops those', () => {
    const { memory, counters } = layer({ maxEntries: 9 });
    for (const key of ['a', 'b', 'c']) memory.put(key, entry(key));
    memory.forgetWhere((key) => key !== 'b');
    expect(['a', 'b', 'c'].map((key) => memory.get(key)?.value)).toEqual([undefined, 'b', undefined]);
    expect(counters.invalidated).toBe(2);
  });
});

test('bounds, evictions and bytes show in the statistics of a cache', async () => {
  const { cache } = await openInstance({ memory: { maxEntries: 2, maxBytes: 1_000_000 } });
  for (let i = 0; i < 5; i++) await cache.set(`k${i}`, i);
  const { memory } = cache.stats();
  expect(memory).toMatchObject({ entries: 2, evictions: 3 });
  expect(memory.bytes).toBeGreaterThan(400);
});

test('an entry costs at most about 100 bytes more than in a bare lru-cache', () => {
  const fixture = fileURLToPath(new URL('./fixtures/bookkeeping.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--expose-gc', '--no-warnings', fixture], { encoding: 'utf8' });
  const { ours, bare } = JSON.parse(output) as { ours: number; bare: number };
  expect(bare).toBeGreaterThan(0);
  expect(ours - bare).toBeGreaterThan(0);
  expect(ours - bare).toBeLessThanOrEqual(130);
});
