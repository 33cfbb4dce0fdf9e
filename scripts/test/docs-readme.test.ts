import { createCache, inProcess } from 'tierwise';
import { describe, expect, test } from 'vitest';
import { headingsOf, readDocument, tableOf } from './markdown.ts';

const README = readDocument('README.md');

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readDocument(`${folder}package.json`)) as Manifest;
}

describe('README.md', () => {
  test('opens with what tierwise is, in three sentences', () => {
    const [, opening = ''] = README.split('\n\n');
    expect(opening.startsWith('tierwise is ')).toBe(true);
    expect(opening.replaceAll('\n', ' ').match(/[^.]+\.(?= |$)/g)).toHaveLength(3);
  });

  test('goes on with the two commands, which exist', () => {
    expect(headingsOf(README)[1]?.text).toBe('Two commands');
    expect(README).toContain('npm ci && npm run demo');
    expect(README).toContain('npm ci && npm test');
    expect(Object.keys(manifestOf('').scripts ?? {})).toEqual(expect.arrayContaining(['demo', 'test', 'build']));
  });

  test('names the versions of Node that the packages are for', () => {
    expect(manifestOf('packages/core/').engines?.node).toBe('^22.18.0 || ^24.0.0');
    for (const path of [
      'README.md',
      'docs/getting-started.md',
      'packages/core/README.md',
      'packages/redis/README.md',
    ]) {
      expect(readDocument(path), path).toMatch(/Node 22\.18 or newer,?\s+(and|or) Node 24/);
    }
  });

  test('names only features that exist', () => {
    const cache = createCache({ name: 'docs', ttl: '1m', memory: { maxEntries: 10 } });
    const exported: Readonly<Record<string, unknown>> = { inProcess };
    const options = readDocument('docs/reference/options.md');
    // Words of other systems, which the table names as such.
    const foreign = new Set([
      'MGET',
      'diagnostics_channel',
      '@tierwise/otel',
      'KEYS',
      'AbortSignal',
      'Date',
      'Map',
      'Set',
      'BigInt',
      'null',
      '0',
      "''",
      'false',
    ]);
    const strange = tableOf(README, 'Features')
      .flatMap((row) => [...(row['what there is today'] ?? '').matchAll(/`([^`]+)`/g)])
      .map(([, name = '']) => /^\w+(?=\()/.exec(name)?.[0] ?? name)
      .filter((name) => !foreign.has(name))
      .filter((name) => !(name in cache) && !(name in exported) && !options.includes(`\`${name}\``));
    expect(strange).toEqual([]);
  });
});

test('the glossary has exactly the words of the protocol, each as a heading', () => {
  const words = headingsOf(readDocument('docs/concepts/glossary.md')).slice(1);
  expect(words.map(({ text }) => text)).toEqual([
    ...['layer', 'store', 'entry', 'load', 'flight', 'fill', 'lease', 'fence', 'event', 'view', 'proof', 'tail', 'gap'],
    ...['bucket', 'layer without scripts', 'stack', 'epoch', 'timeline', 'partition'],
  ]);
});
