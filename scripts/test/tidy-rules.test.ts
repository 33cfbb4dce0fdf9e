import { describe, expect, test } from 'vitest';
import { type TidyFile, tidyFiles, tidyPackages } from '../tidy-rules.ts';

function breaches(path: string, text = ''): string[] {
  return tidyFiles([{ path, text }]);
}

describe('tidyFiles', () => {
  test('wants kebab-case names, and lets well-known ones be', () => {
    expect(breaches('packages/core/src/memory-layer.ts')).toEqual([]);
    expect(breaches('packages/core/test/keyspace.test-d.ts')).toEqual([]);
    expect(breaches('docs/adr/0001-sequence-not-clock.md')).toEqual([]);
    expect(breaches('packages/core/README.md')).toEqual([]);
    expect(breaches('.ci/run')).toEqual([]);
    expect(breaches('packages/core/src/memoryLayer.ts')).toEqual([
      'packages/core/src/memoryLayer.ts: "memoryLayer.ts" is not kebab-case',
    ]);
    expect(breaches('docs/Some Page.md')).toHaveLength(1);
  });

  test('refuses names that say nothing', () => {
    expect(breaches('packages/core/src/utils.ts')).toHaveLength(1);
    expect(breaches('packages/core/src/helpers.ts')).toHaveLength(1);
  });

  test.each([
    'Date.now()',
    'new Date()',
    'performance.now()',
    'Math.random()',
    'setTimeout(call, 5)',
    'setInterval(call, 5)',
    'randomUUID()',
  ])('keeps %s behind its seam', (code) => {
    const text = `// fine in a comment: ${code}\nconst text = '${code}';\nexport const x = ${code};\n`;
    expect(breaches('packages/core/src/engine/read.ts', text)).toEqual([
      expect.stringContaining('packages/core/src/engine/read.ts: line 3:'),
    ]);
    expect(breaches('packages/core/src/clock.ts', text)).toEqual([]);
    expect(breaches('packages/core/src/random.ts', text)).toEqual([]);
    expect(breaches('packages/core/test/read.test.ts', text)).toEqual([]);
  });

  // Symptom: a run that polled such a signal never ended.
  test('refuses a timeout inside AbortSignal.any', () => {
    const lost = `// AbortSignal.any([AbortSignal.timeout(1)])\nconst x = AbortSignal.any([stop, AbortSignal${'.'}timeout(5)]);\n`;
    expect(breaches('packages/core/src/a.ts', lost)).toEqual([expect.stringContaining('line 2:')]);
    expect(breaches('scripts/a.ts', 'const x = AbortSignal.any([a, b]);\nconst y = AbortSignal.timeout(5);\n')).toEqual(
      [],
    );
  });

  test('finds paths of one machine', () => {
    expect(breaches('docs/a.md', `See ${'/'}home/someone/project.`)).toHaveLength(1);
    expect(breaches('docs/a.md', 'See https://example.org/home/page and ./work/file.')).toEqual([]);
  });

  test('finds addresses of package registries', () => {
    expect(breaches('package-lock.json', `"resolved": "${'https'}://example.org/a.tgz"`)).toHaveLength(1);
    expect(breaches('.npmrc', `registry=https://registry.${'npmjs'}.org/`)).toHaveLength(1);
    expect(breaches('package-lock.json', '"resolved": "packages/core", "link": true')).toEqual([]);
  });
});

describe('tidyPackages', () => {
  const manifest = { version: '0.1.0', engines: { node: '^24.0.0' } };
  const file = (path: string, text: unknown): TidyFile => ({
    path,
    text: typeof text === 'string' ? text : JSON.stringify(text),
  });
  const whole = (redis: object): TidyFile[] => [
    file('LICENSE', 'MIT'),
    ...['packages/core', 'packages/redis'].flatMap((dir) => [
      file(`${dir}/LICENSE`, 'MIT'),
      file(`${dir}/README.md`, ''),
    ]),
    file('packages/core/package.json', manifest),
    file('packages/redis/package.json', { ...manifest, ...redis }),
  ];

  test('accepts packages that agree', () => {
    expect(tidyPackages(whole({ peerDependencies: { tierwise: '0.1.0' } }))).toEqual([]);
  });

  test.each([
    ['another version', { version: '0.2.0' }],
    ['other engines', { engines: { node: '>=20' } }],
    ['another peer version', { peerDependencies: { tierwise: '^0.1.0' } }],
  ])('finds %s', (_, redis) => {
    expect(tidyPackages(whole(redis))).toHaveLength(1);
  });

  test('finds a missing licence and README, but not in private packages', () => {
    const files = whole({}).filter(({ path }) => !path.startsWith('packages/redis/') || path.endsWith('.json'));
    expect(tidyPackages(files)).toHaveLength(2);
    expect(tidyPackages([file('LICENSE', 'MIT'), file('packages/x/package.json', { private: true })])).toEqual([]);
    expect(tidyPackages([])).toEqual(['LICENSE: is missing']);
  });
});
