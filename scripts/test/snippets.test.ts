import { describe, expect, test } from 'vitest';
import { extractSnippets } from '../snippets.ts';

const FENCE = '```';

describe('extractSnippets', () => {
  test('takes TypeScript blocks with their place, and leaves other languages alone', () => {
    const text = `# Title\n\n${FENCE}ts\nconst a = 1;\n${FENCE}\n\n${FENCE}sh\nls\n${FENCE}\n\n${FENCE}ts no-run\nb();\n${FENCE}\n`;
    expect(extractSnippets('docs/a.md', text)).toEqual([
      { place: 'docs/a.md:3', code: 'const a = 1;\nexport {};\n', run: true },
      { place: 'docs/a.md:11', code: 'b();\nexport {};\n', run: false },
    ]);
  });

  test('puts a setup comment in front of its block', () => {
    const text = `<!-- setup\nconst hidden = 1;\n-->\n\n${FENCE}ts\nuse(hidden);\n${FENCE}\n`;
    expect(extractSnippets('a.md', text)).toEqual([
      { place: 'a.md:5', code: 'const hidden = 1;\nuse(hidden);\nexport {};\n', run: true },
    ]);
  });

  test('takes the indentation off a block inside a list', () => {
    const text = `1. First\n   ${FENCE}ts\n   if (a) {\n     b();\n   }\n   ${FENCE}\n`;
    expect(extractSnippets('a.md', text)[0]?.code).toBe('if (a) {\n  b();\n}\nexport {};\n');
  });

  test('leaves fragments out', () => {
    expect(extractSnippets('a.md', `${FENCE}ts fragment\n…\n${FENCE}\n`)).toEqual([]);
  });

  test('refuses words that it does not know, such as a misspelt no-run', () => {
    expect(() => extractSnippets('a.md', `${FENCE}ts norun\nb();\n${FENCE}\n`)).toThrow('a.md:1: unknown words');
  });
});
