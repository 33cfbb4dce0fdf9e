import { describe, expect, test } from 'vitest';
import { findRedis } from '../servers/index.ts';
import { checkSnippets, collectSnippets, runSnippet } from '../snippets.ts';

const snippets = collectSnippets();

describe('the TypeScript blocks of README and docs', () => {
  test('type-check', async () => {
    const { ok, output } = await checkSnippets(snippets);
    expect(ok, output).toBe(true);
  });

  for (const snippet of snippets.filter(({ run }) => run)) {
    test(`${snippet.place} runs`, async () => {
      await using redis = await findRedis();
      const { ok, output } = await runSnippet(snippet, redis.url);
      expect(ok, output).toBe(true);
    });
  }
});
