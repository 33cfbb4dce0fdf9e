import { openTelemetry } from '@tierwise/otel';
import { createCache, type Duration, inProcess } from 'tierwise';
import { toMs } from 'tierwise/driver';
import { describe, expect, test } from 'vitest';
import { toVersion } from '../../packages/core/src/call-options.ts';
import { EVENT_NAMES } from '../../packages/core/src/emitter.ts';
import { Keyspace } from '../../packages/core/src/keyspace.ts';
import { toMutatePlan } from '../../packages/core/src/mutate.ts';
import { Namespace } from '../../packages/core/src/namespace.ts';
import { DEFAULTS, RANGES } from '../../packages/core/src/options.ts';
import { resolveMemcachedOptions } from '../../packages/memcached/src/options.ts';
import { resolveRedisOptions } from '../../packages/redis/src/options.ts';
import { type Row, readDocument, sectionOf, tableOf, tablesOf } from './markdown.ts';

const DOCUMENT = readDocument('docs/reference/options.md');

const cache = createCache({ name: 'docs', ttl: '1m', memory: { maxEntries: 10 } });
const REQUIRED = { name: 'docs', ttl: '1m', memory: { maxEntries: 10 } } as const;
const WRONG = { 'no such option': 1 };
const NODES = [{ host: '127.0.0.1', port: 1 }];

/** The options that a call accepts, as it names them when it is given another one. */
async function acceptedBy(call: (wrong: never) => unknown): Promise<string[]> {
  const message = await Promise.resolve()
    .then(() => call(WRONG as never))
    .then(String, (error: Error) => error.message);
  const list = /there are: (.+)$/.exec(message)?.[1];
  if (list === undefined) throw new Error(`expected a refusal that lists the options, got: ${message}`);
  return list.split(', ');
}

function namesIn(rows: readonly Row[]): string[] {
  return rows.map((row) => row['option'] ?? '');
}

function rowOf(section: string, option: string): Row {
  const row = tableOf(DOCUMENT, section).find((each) => each['option'] === option);
  if (row === undefined) throw new Error(`${option} is missing in "${section}"`);
  return row;
}

/** Milliseconds of a duration, the number of a number, else the word. */
function valueIn(cell: string): string | number {
  const text = cell.replaceAll(/[`']/g, '');
  if (/^[\d,]+$/.test(text)) return Number(text.replaceAll(',', ''));
  return /^[\d.]+(ms|s|m|h|d)$/.test(text) ? toMs(text as Duration, 'cell') : text;
}

function rangeOf(cell: string): (string | number)[] {
  return cell.split(' to ').map(valueIn);
}

describe('docs/reference/options.md names all options and no others', () => {
  test.each<[string, (wrong: never) => unknown]>([
    ['createCache', (wrong) => createCache({ ...REQUIRED, ...(wrong as object) })],
    ['memory', (memory) => createCache({ ...REQUIRED, memory })],
    ['coherence', (coherence) => createCache({ ...REQUIRED, coherence })],
    ['Options of reads', (wrong) => cache.get('key', wrong)],
    ['Options of set', (wrong) => cache.set('key', 1, wrong)],
    ['Options of invalidatePattern', (wrong) => cache.invalidatePattern('key:*', wrong)],
    ['Options of mutate', (wrong) => cache.mutate({ keys: ['key'] }, () => {}, wrong)],
    ['Options of getOrSet', (wrong) => cache.getOrSet('key', () => 1, wrong)],
    ['redis cluster', (wrong) => resolveRedisOptions({ cluster: { nodes: NODES, ...(wrong as object) } })],
    ['memcached', (wrong) => resolveMemcachedOptions({ servers: 'one', ...(wrong as object) })],
    ['inProcess', (wrong) => inProcess(wrong)],
    ['openTelemetry', (wrong) => openTelemetry(wrong)],
  ])('%s', async (section, call) => {
    expect(namesIn(tableOf(DOCUMENT, section)).sort()).toEqual((await acceptedBy(call)).sort());
  });

  test('keyspace', async () => {
    const [options = []] = tablesOf(sectionOf(DOCUMENT, 'keyspace'));
    expect(namesIn(options).sort()).toEqual((await acceptedBy((wrong) => cache.keyspace('a:{b}', wrong))).sort());
  });

  test('redis', async () => {
    const refusals = [
      { url: 'redis://127.0.0.1' },
      { client: {} },
      { sentinels: NODES, name: 'mymaster' },
      { cluster: { nodes: NODES } },
    ].map((one) => acceptedBy((wrong) => resolveRedisOptions({ ...one, ...(wrong as object) } as never)));
    const accepted = new Set((await Promise.all(refusals)).flat());
    expect(namesIn(tableOf(DOCUMENT, 'redis')).sort()).toEqual([...accepted].sort());
  });
});

/** Where each default and range of core stands in the document: section and option. */
const PLACES: Readonly<Record<keyof typeof DEFAULTS | keyof typeof RANGES, readonly [string, string]>> = {
  leaseMs: ['coherence', 'lease'],
  logEvents: ['coherence', 'logEvents'],
  maxVersions: ['coherence', 'maxVersions'],
  maxJournal: ['coherence', 'maxJournal'],
  codec: ['createCache', 'codec'],
  isolation: ['createCache', 'isolation'],
  maxValueBytes: ['createCache', 'maxValueBytes'],
  onOversize: ['createCache', 'onOversize'],
  onUndelivered: ['createCache', 'onUndelivered'],
  loadTimeoutMs: ['createCache', 'loadTimeout'],
  maxLoads: ['createCache', 'maxLoads'],
  maxEntries: ['memory', 'maxEntries'],
  maxBytes: ['memory', 'maxBytes'],
};

describe('docs/reference/options.md gives the defaults and ranges of the code', () => {
  test.each(Object.entries(DEFAULTS))('default of %s', (name, value) => {
    const [section, option] = PLACES[name as keyof typeof DEFAULTS];
    expect(valueIn(rowOf(section, option)['default'] ?? '')).toBe(value);
  });

  test.each(Object.entries(RANGES))('range of %s', (name, range) => {
    const [section, option] = PLACES[name as keyof typeof RANGES];
    expect(rangeOf(rowOf(section, option)['range'] ?? '')).toEqual([...range]);
  });

  test('redis', () => {
    const url = 'redis://127.0.0.1';
    const deadline = rowOf('redis', 'commandTimeout');
    expect(valueIn(deadline['default'] ?? '')).toBe(resolveRedisOptions({ url }).deadlineMs);
    const timeout = (commandTimeout: number) => () => resolveRedisOptions({ url, commandTimeout });
    expectBounds(rangeOf(deadline['range'] ?? ''), timeout);

    const cluster = (partitions?: number) => () =>
      resolveRedisOptions({ cluster: { nodes: NODES, ...(partitions !== undefined && { partitions }) } });
    for (const section of ['redis', 'redis cluster']) {
      const row = rowOf(section, 'partitions');
      expect(valueIn(row['default'] ?? '')).toBe(cluster()().partitions);
      expectBounds(rangeOf(row['range'] ?? ''), cluster);
    }
  });

  test('mutate', () => {
    const row = rowOf('Options of mutate', 'fence');
    const source = readDocument('packages/core/src/mutate.ts');
    expect(valueIn(row['default'] ?? '')).toBe(constantOf(source, 'DEFAULT_FENCE_MS'));
    expectBounds(rangeOf(row['range'] ?? ''), (fence) => () => toMutatePlan({ fence }));
    expect(sectionOf(DOCUMENT, 'Options of mutate')).toContain(`1 to ${constantOf(source, 'MAX_NAMES')} names`);
  });

  test('version of a set', () => {
    const [min, max] = rangeOf(rowOf('Options of set', 'version')['range'] ?? '');
    expect([min, max]).toEqual([0, Number.MAX_SAFE_INTEGER - 1]);
    expectBounds([min as number, max as number], (version) => () => toVersion(version));
  });

  test('inProcess', () => {
    const row = rowOf('inProcess', 'maxBytes');
    expectBounds(rangeOf(row['range'] ?? ''), (maxBytes) => () => inProcess({ maxBytes }));
    const source = readDocument('packages/core/src/in-process/remote.ts');
    const factors = /DEFAULT_MAX_BYTES = ([\d *]+);/.exec(source)?.[1]?.split('*').map(Number) ?? [];
    expect(valueIn(row['default'] ?? '')).toBe(factors.reduce((product, factor) => product * factor, 1));
  });
});

function constantOf(source: string, name: string): number {
  return Number(new RegExp(`const ${name} = ([\\d_]+);`).exec(source)?.[1]?.replaceAll('_', ''));
}

function expectBounds(range: readonly (string | number)[], take: (value: number) => () => unknown): void {
  const [min, max] = range as [number, number];
  expect(take(min)).not.toThrow();
  expect(take(max)).not.toThrow();
  expect(take(min - 1)).toThrow(/must be/);
  expect(take(max + 1)).toThrow(/must be/);
}

describe('docs/reference/options.md names', () => {
  const methodsOf = (prototype: object): string[] =>
    Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  const methodsIn = (rows: readonly Row[]): string[] => rows.map((row) => /^\w+/.exec(row['method'] ?? '')?.[0] ?? '');

  test('every method of a cache', () => {
    const methods = [...methodsOf(Namespace.prototype), ...methodsOf(Object.getPrototypeOf(cache))];
    expect(methodsIn(tableOf(DOCUMENT, 'Calls')).sort()).toEqual(methods.sort());
  });

  test('every method of a keyspace', () => {
    const [, methods = []] = tablesOf(sectionOf(DOCUMENT, 'keyspace'));
    expect(methodsIn(methods).sort()).toEqual(methodsOf(Keyspace.prototype).sort());
  });

  test('every event', () => {
    expect(tableOf(DOCUMENT, 'Events').map((row) => row['event'])).toEqual([...EVENT_NAMES]);
  });
});
